package api

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"graphsnap/engine"
)

// Demo is the demo workload, where one runs.
type Demo interface {
	// State tells what it does now. Kinds: unavailable.
	State(ctx context.Context) (engine.DemoState, error)
	// SetRate sets statements per second. Kinds: invalid.
	SetRate(ctx context.Context, rate float64) error
	// StartFault switches a fault on. Kinds: not_found, conflict, unavailable.
	StartFault(ctx context.Context, name string) error
	// ClearFaults ends all faults. Kinds: unavailable.
	ClearFaults(ctx context.Context) error
}

// Options are the parts of a Server; Engine, Status, Clock and Logger are required.
type Options struct {
	Engine      *engine.Engine
	Status      func(ctx context.Context) Status
	Demo        Demo                // nil without demo
	Rules       engine.Rules        // nil where nothing decides about captures
	Cases       Cases               // nil where none are kept
	Deployments *engine.Deployments // nil where none are kept
	Retainer    *engine.Retainer    // nil where this server removes nothing
	Viewer      fs.FS               // the built viewer
	Version     string
	Clock       engine.Clock
	Logger      *slog.Logger

	// Reload reads the configuration again and says in words what changed; nil where there is none. Kinds: invalid, not_found.
	Reload func(ctx context.Context) (changes []string, err error)

	ImportLimit int64 // most bytes of an import, as sent and after decompression; 16 GiB where 0
}

// maxBody bounds every request body but that of imports, bytes.
const maxBody = 1 << 20

// Server serves the API, the WebSocket and the viewer.
type Server struct {
	o           Options
	hub         *hub
	metrics     *metrics
	handler     http.Handler
	api         huma.API
	http        *http.Server
	unsubscribe func()
	served      chan error
}

// New makes a server with all its routes; nothing listens yet.
func New(o Options) *Server {
	// huma keeps its error model in a global variable; this is the only place that touches it.
	huma.NewError = newHumaError
	gin.SetMode(gin.ReleaseMode)
	s := &Server{o: o, hub: newHub(o.Version, o.Clock, o.Logger), metrics: newMetrics()}
	router := gin.New()
	router.Use(s.recovered, s.secured, s.metrics.measure)
	config := huma.DefaultConfig("Graphsnap", o.Version)
	config.Info.Description = "Frozen performance graphs of SQL databases: capture, list, compare. Errors are RFC 9457 problems with a stable `type`."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/api/openapi", "", ""
	config.CreateHooks = nil // no $schema links in bodies: the document's field names are fixed
	s.api = humagin.New(router, config)
	s.routes(s.api)
	s.reloadRoute(s.api)
	router.GET("/api/docs", s.docs)
	router.GET("/ws/performance", func(c *gin.Context) { s.hub.serve(c.Writer, c.Request) })
	router.GET("/metrics", gin.WrapH(s.metrics.handler()))
	router.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	router.GET("/readyz", s.ready)
	router.NoRoute(s.viewer)
	s.handler = router
	return s
}

// OpenAPI gives the description of all routes as JSON.
func (s *Server) OpenAPI() ([]byte, error) { return s.api.OpenAPI().MarshalJSON() }

// Listen opens the address. Only loopback is allowed, because there are no tokens yet. Kinds: invalid, conflict, denied.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, engine.Errorf(engine.KindInvalid, "serve", "%q is no address", address).WithHint("write HOST:PORT, such as 127.0.0.1:8080")
	}
	if !isLoopback(host) {
		return nil, engine.Errorf(engine.KindDenied, "serve", "listening on %s would let everybody in: there are no tokens yet", host).
			WithHint("listen on 127.0.0.1 and use a tunnel: ssh -L %s:127.0.0.1:%s HOST", port, port)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, engine.Errorf(engine.KindConflict, "serve", "cannot listen on %s", address).WithCause(err).
			WithHint("stop what uses port %s (`ss -ltnp | grep :%s` shows it), or choose another with --port", port, port)
	}
	return l, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// Open starts serving on a listener.
func (s *Server) Open(l net.Listener) {
	s.unsubscribe = s.o.Engine.Events.Subscribe(func(ev engine.Event) {
		s.metrics.event(ev)
		s.hub.publish(ev)
	})
	s.served = make(chan error, 1)
	s.http = &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelWarn)}
	go func() { s.served <- s.http.Serve(l) }()
}

// Close stops taking requests, lets those under way finish, and drops the WebSockets.
func (s *Server) Close(ctx context.Context) error {
	if s.http == nil {
		return nil
	}
	s.unsubscribe()
	s.hub.close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// recovered turns a panic into a problem, so that one request cannot end the process.
func (s *Server) recovered(c *gin.Context) {
	defer func() {
		if r := recover(); r != nil {
			if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(r)
			}
			s.o.Logger.Error("a request panicked", "path", c.Request.URL.Path, "panic", r)
			s.abort(c, &Problem{Status: http.StatusInternalServerError, Kind: string(engine.KindInternal), Detail: "something failed inside graphsnap", Hint: "the log of the server says more"})
		}
	}()
	c.Next()
}

// secured keeps other websites out: a page elsewhere may neither reach this server by a name of its own that points to
// loopback, nor send it commands.
func (s *Server) secured(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self' ws: wss:; frame-ancestors 'none'")
	host := c.Request.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !isLoopback(host) {
		s.abort(c, &Problem{Status: http.StatusForbidden, Kind: string(engine.KindDenied), Detail: "this server answers to loopback names only", Hint: "use http://127.0.0.1 or http://localhost"})
		return
	}
	if origin := c.GetHeader("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != c.Request.Host {
			s.abort(c, &Problem{Status: http.StatusForbidden, Kind: string(engine.KindDenied), Detail: "requests from pages of other origins are refused"})
			return
		}
	}
	c.Next()
}

func (s *Server) abort(c *gin.Context, p *Problem) {
	p = p.complete()
	p.Instance = c.Request.URL.Path
	c.Abort()
	c.Header("Content-Type", p.ContentType(""))
	c.JSON(p.Status, p)
}

func (s *Server) ready(c *gin.Context) {
	st := s.o.Status(c.Request.Context())
	for _, part := range []struct {
		name   string
		health Health
	}{{"live", st.Live.Health}, {"snapshots", st.Snapshots.Health}} {
		if part.health.Health != "ok" {
			c.String(http.StatusServiceUnavailable, "%s: %s\n", part.name, part.health.Health)
			return
		}
	}
	c.String(http.StatusOK, "ready\n")
}

// viewer serves the files of the viewer, and its page for every address that is none of the API's.
func (s *Server) viewer(c *gin.Context) {
	name := strings.TrimPrefix(path.Clean(c.Request.URL.Path), "/")
	if strings.HasPrefix(name, "api/") || strings.HasPrefix(name, "ws/") || (c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead) || s.o.Viewer == nil {
		s.abort(c, &Problem{Status: http.StatusNotFound, Kind: string(engine.KindNotFound), Detail: "there is nothing at " + c.Request.URL.Path, Hint: "/api/docs lists the routes"})
		return
	}
	if info, err := fs.Stat(s.o.Viewer, name); err == nil && !info.IsDir() {
		if strings.HasPrefix(name, "assets/") {
			// Built files carry a digest of their content in the name.
			c.Header("Cache-Control", "public, max-age=31536000, immutable")
		}
		http.ServeFileFS(c.Writer, c.Request, s.o.Viewer, name)
		return
	}
	page, err := s.o.Viewer.Open("index.html")
	if err != nil {
		c.String(http.StatusNotFound, "the viewer is not part of this build: run `make viewer` and build again\n")
		return
	}
	defer func() { _ = page.Close() }()
	c.Header("Cache-Control", "no-cache")
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Status(http.StatusOK)
	_, _ = io.Copy(c.Writer, page)
}
