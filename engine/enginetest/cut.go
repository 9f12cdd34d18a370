package enginetest

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// Cutter is a proxy in front of a server that cuts connections at chosen moments.
type Cutter struct {
	id string

	mu     sync.Mutex
	choose func(m Moment) bool
	cuts   int
}

// Moment is one piece of data on its way through a Cutter.
type Moment struct {
	Answer bool // it goes from the server to the client
	Commit bool // it is the answer to a commit: the server has committed, the client does not know yet
}

// cutters finds the Cutter of a toxic: toxiproxy makes toxics itself and knows only their attributes.
var (
	cutters  sync.Map
	register sync.Once
)

// cut is the toxic; one serves each direction of each connection.
type cut struct {
	Cutter string `json:"cutter"`
	Answer bool   `json:"answer"`
}

// Pipe hands data on until the Cutter says otherwise; then it drops the piece at hand and closes the connection.
func (c *cut) Pipe(stub *toxics.ToxicStub) {
	found, _ := cutters.Load(c.Cutter)
	cutter := found.(*Cutter)
	for {
		select {
		case <-stub.Interrupt:
			return
		case piece := <-stub.Input:
			if piece == nil || cutter.cut(c.Answer, piece) {
				stub.Close()
				return
			}
			stub.Output <- piece
		}
	}
}

func (c *Cutter) cut(answer bool, piece *stream.StreamChunk) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Of all answers of Bolt only those to commits carry a bookmark.
	m := Moment{Answer: answer, Commit: answer && bytes.Contains(piece.Data, []byte("\x88bookmark"))}
	if c.choose == nil || !c.choose(m) {
		return false
	}
	c.cuts++
	return true
}

// StartCutter starts a Cutter in front of a server and gives the server as it is reached through it.
func StartCutter(t testing.TB, s *Server) (*Cutter, *Server) {
	t.Helper()
	register.Do(func() { toxics.Register("cut", new(cut)) })
	u, err := url.Parse(s.URI)
	if err != nil {
		t.Fatal(err)
	}
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), t.Name(), "127.0.0.1:0", u.Host)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	c := &Cutter{id: proxy.Listen}
	cutters.Store(c.id, c)
	for _, side := range []struct {
		stream string
		answer bool
	}{{"upstream", false}, {"downstream", true}} {
		wanted, err := json.Marshal(map[string]any{
			"name": side.stream, "type": "cut", "stream": side.stream, "toxicity": 1, "attributes": cut{c.id, side.answer},
		})
		if err == nil {
			_, err = proxy.Toxics.AddToxicJson(bytes.NewReader(wanted))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c, &Server{URI: "bolt://" + proxy.Listen, User: s.User, Password: s.Password}
}

// Choose sets which pieces are cut off; nil cuts none. It gives the number of cuts up to now.
func (c *Cutter) Choose(choose func(m Moment) bool) (cuts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.choose = choose
	return c.cuts
}

// NthCommit cuts off the answers to the chosen commits, counted from 1.
func NthCommit(chosen ...int) func(m Moment) bool {
	n := 0
	return func(m Moment) bool {
		if !m.Commit {
			return false
		}
		n++
		for _, c := range chosen {
			if n == c {
				return true
			}
		}
		return false
	}
}

// AtRandom cuts one piece in so many, and one answer to a commit in four.
func AtRandom(seed uint64, oneIn int) func(m Moment) bool {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(m Moment) bool {
		if m.Commit {
			return r.IntN(4) == 0
		}
		return r.IntN(oneIn) == 0
	}
}
