package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"graphsnap/engine"
)

const (
	ringSize      = 1024 // events kept for clients that come back
	clientQueue   = 256  // events a client may lag behind before it is dropped
	heartbeat     = 15 * time.Second
	writeTimeout  = 10 * time.Second
	maxClients    = 200
	maxClientText = 4096 // bytes; clients have nothing to say
)

// hub hands the engine's events to all WebSocket clients, numbered and in order. A client that reads too slowly is
// dropped; it comes back with ?since= and gets what it missed.
type hub struct {
	version  string
	instance string
	clock    engine.Clock
	log      *slog.Logger

	mu      sync.Mutex
	seq     int64
	ring    []message
	clients map[*client]bool
	closed  bool
	wg      sync.WaitGroup
}

type message struct {
	seq  int64
	text []byte
}

type client struct {
	conn  *websocket.Conn
	queue chan []byte
	gone  chan struct{}
	once  sync.Once
}

func (c *client) drop() { c.once.Do(func() { close(c.gone) }) }

func newHub(version string, clock engine.Clock, log *slog.Logger) *hub {
	return &hub{version: version, instance: "/graphsnap/" + uuid.NewString(), clock: clock, log: log, clients: map[*client]bool{}}
}

// publish turns an event of the engine into an envelope and queues it for everybody.
func (h *hub) publish(ev engine.Event) {
	switch {
	case ev.Tick != nil:
		s := ev.Tick.State
		h.send(EventTick, TickData{s.Source, s.Tick, s.CollectedAt, s.Totals.TotalQPS, s.Totals.AvgLatencyMS, s.Totals.TimeMSPerS, s.Status, s.Message})
	case ev.Progress != nil:
		p := ev.Progress
		h.send(EventCaptureProgress, CaptureProgressData{p.CaptureID, p.Source, p.Stage, p.Done, p.Total})
	case ev.Failed != nil:
		problem := problemOf(h.log, ev.Failed.Err)
		h.send(EventCaptureFailed, CaptureFailedData{ev.Failed.CaptureID, ev.Failed.Source, problem.Detail, problem.Hint})
	case ev.Created != nil:
		h.send(EventSnapshotCreated, rowOf(ev.Created))
	case ev.Deleting != nil:
		d := ev.Deleting
		h.send(EventDeleteProgress, DeleteProgressData{d.ID, d.Source, d.Stage, d.Done, d.Total})
	case ev.Deleted != nil:
		h.send(EventSnapshotDeleted, SnapshotDeletedData{ev.Deleted.ID, ev.Deleted.Source})
	case ev.Pinned != nil:
		h.send(EventSnapshotPinned, SnapshotPinnedData{ev.Pinned.ID, ev.Pinned.Source, pinOf(ev.Pinned.Pin)})
	case ev.Retained != nil:
		h.send(EventRetention, runOf(ev.Retained))
	case ev.Fired != nil:
		h.send(EventFiring+ev.Fired.State, firingOf(ev.Fired))
	case ev.Case != nil:
		h.send(EventCase+ev.Case.Change, caseRowOf(&ev.Case.Case))
	}
}

func (h *hub) send(kind string, data any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	text := h.envelope(kind, h.seq, data)
	if text == nil {
		return
	}
	if len(h.ring) == ringSize {
		h.ring = append(h.ring[:0], h.ring[1:]...)
	}
	h.ring = append(h.ring, message{h.seq, text})
	for c := range h.clients {
		select {
		case c.queue <- text:
		default:
			h.log.Warn("a slow WebSocket client is dropped", "client", c.conn.RemoteAddr().String())
			c.drop()
			delete(h.clients, c)
		}
	}
}

func (h *hub) envelope(kind string, seq int64, data any) []byte {
	text, err := json.Marshal(Event{
		SpecVersion: "1.0", ID: strconv.FormatInt(seq, 10), Source: h.instance, Type: kind, Time: h.clock.Now(),
		DataContentType: "application/json", Seq: seq, Data: data,
	})
	if err != nil {
		h.log.Error("an event cannot be written", "type", kind, "err", err)
		return nil
	}
	return text
}

// upgrader keeps gorilla's own check that the page comes from this server.
var upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 8192, EnableCompression: true}

// serve handles one connection until it ends.
func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	wantsMissed := err == nil && since >= 0
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader answered already
	}
	c := &client{conn: conn, queue: make(chan []byte, clientQueue), gone: make(chan struct{})}
	missed, ok := h.join(c, since, wantsMissed)
	if !ok {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseTryAgainLater, "too many clients"), h.clock.Now().Add(time.Second))
		_ = conn.Close()
		return
	}
	defer h.leave(c)
	go h.listen(c)
	h.write(c, missed)
}

// join enters a client and gives its first messages: hello, and what it missed where that is still known.
func (h *hub) join(c *client, since int64, wantsMissed bool) ([][]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.clients) >= maxClients {
		return nil, false
	}
	oldest := h.seq + 1
	if len(h.ring) > 0 {
		oldest = h.ring[0].seq
	}
	resumed := wantsMissed && since <= h.seq && since+1 >= oldest
	first := [][]byte{h.envelope(EventHello, h.seq, HelloData{h.version, h.seq, resumed})}
	if resumed {
		for _, m := range h.ring {
			if m.seq > since {
				first = append(first, m.text)
			}
		}
	}
	h.clients[c] = true
	h.wg.Add(1)
	return first, true
}

func (h *hub) leave(c *client) {
	h.mu.Lock()
	delete(h.clients, c)
	h.mu.Unlock()
	c.drop()
	_ = c.conn.Close()
	h.wg.Done()
}

// listen reads only to notice the end of the connection and the answers to pings.
func (h *hub) listen(c *client) {
	defer c.drop()
	c.conn.SetReadLimit(maxClientText)
	alive := func(string) error { return c.conn.SetReadDeadline(h.clock.Now().Add(3 * heartbeat)) }
	_ = alive("")
	c.conn.SetPongHandler(alive)
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			return
		}
	}
}

func (h *hub) write(c *client, first [][]byte) {
	put := func(text []byte) bool {
		_ = c.conn.SetWriteDeadline(h.clock.Now().Add(writeTimeout))
		return c.conn.WriteMessage(websocket.TextMessage, text) == nil
	}
	for _, text := range first {
		if !put(text) {
			return
		}
	}
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-c.gone:
			_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), h.clock.Now().Add(time.Second))
			return
		case text := <-c.queue:
			if !put(text) {
				return
			}
		case <-ticker.C:
			h.mu.Lock()
			seq := h.seq
			h.mu.Unlock()
			if !put(h.envelope(EventHeartbeat, seq, struct{}{})) {
				return
			}
			if c.conn.WriteControl(websocket.PingMessage, nil, h.clock.Now().Add(writeTimeout)) != nil {
				return
			}
		}
	}
}

// close drops all clients and waits for them.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	for c := range h.clients {
		c.drop()
	}
	h.mu.Unlock()
	h.wg.Wait()
}
