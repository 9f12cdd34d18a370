package local

import (
	"fmt"
	"net"

	"graphsnap/engine"
)

// Ports are the ports of the children, all on 127.0.0.1.
type Ports struct {
	LiveBolt, LiveHTTP, SnapshotsBolt, SnapshotsHTTP, Postgres int
}

// DefaultPorts are Neo4j's own ports, the ones after them, and 15432, which leaves an installed PostgreSQL alone.
func DefaultPorts() Ports {
	return Ports{LiveBolt: 7687, LiveHTTP: 7474, SnapshotsBolt: 7688, SnapshotsHTTP: 7475, Postgres: 15432}
}

// PortsFrom gives five ports in a row.
func PortsFrom(base int) Ports {
	return Ports{LiveBolt: base, LiveHTTP: base + 1, SnapshotsBolt: base + 2, SnapshotsHTTP: base + 3, Postgres: base + 4}
}

// check finds a port that is taken before anything is started.
func (p Ports) check(demo bool) error {
	wanted := []struct {
		port int
		who  string
	}{
		{p.LiveBolt, "the live Neo4j (bolt)"}, {p.LiveHTTP, "the live Neo4j (http)"},
		{p.SnapshotsBolt, "the snapshot Neo4j (bolt)"}, {p.SnapshotsHTTP, "the snapshot Neo4j (http)"},
	}
	if demo {
		wanted = append(wanted, struct {
			port int
			who  string
		}{p.Postgres, "the demo PostgreSQL"})
	}
	for _, w := range wanted {
		if err := CheckPort(w.port, w.who, "--port-base"); err != nil {
			return err
		}
	}
	return nil
}

// CheckPort says whether a loopback port is free; flag is what changes it. Kinds: conflict, invalid.
func CheckPort(port int, who, flag string) error {
	if port < 1 || port > 65535 {
		return engine.Errorf(engine.KindInvalid, "up", "port %d for %s is out of range", port, who).WithHint("choose one from 1 to 65535 with %s", flag)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return engine.Errorf(engine.KindConflict, "up", "port %d, wanted by %s, is in use", port, who).WithCause(err).
			WithHint("stop what uses it (`ss -ltnp | grep :%d` shows it), or choose other ports with %s", port, flag)
	}
	return l.Close()
}
