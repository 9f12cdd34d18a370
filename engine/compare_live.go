package engine

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"io"
)

// liveSide reads the live graph of a source to compare it with a snapshot, through the template of that snapshot where it
// is still there. Which elements will be listed is known only
// when all were read, and a second reading would be of another moment, so all are kept, compressed.
func (e *Engine) liveSide(ctx context.Context, source, template string) (*side, error) {
	scope, err := e.Template(template)
	if err != nil {
		template = ""
	}
	var kept *keptElements
	var d *description
	read, err := e.live.ReadLive(ctx, source, ReadOptions{AllowFuzzy: true}, func() (Sink, error) {
		kept = keepElements()
		d = describeInto(kept)
		return scope.through(d), nil
	})
	if err != nil {
		return nil, err
	}
	s := newSnapshot(CaptureRequest{Trigger: TriggerManual, Description: "the live graph, not frozen", Template: template}, source, read)
	if err := d.finish(s); err != nil {
		return nil, err
	}
	s.ID, s.Timestamp = Live, e.clock.Now()
	return &side{*s, d.manifest, kept.pick}, nil
}

// keptElements is a sink that keeps a graph in a tenth of the memory that its maps would take: for each element its kind,
// its key and its document form, the two with their lengths in front, as one compressed stream.
type keptElements struct {
	packed  bytes.Buffer
	packer  *flate.Writer
	scratch []byte
}

func keepElements() *keptElements {
	k := &keptElements{}
	k.packer, _ = flate.NewWriter(&k.packed, flate.BestSpeed) // the level is a valid one
	return k
}

// Nodes keeps nodes.
func (k *keptElements) Nodes(ctx context.Context, nodes []Node, _ []int64) error {
	for _, n := range nodes {
		form, err := AppendJSONNode(k.scratch[:0], n)
		if err := k.add('n', n.Key, form, err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Relationships keeps relationships.
func (k *keptElements) Relationships(ctx context.Context, rels []Relationship, _ []int64) error {
	for _, r := range rels {
		form, err := AppendJSONRelationship(k.scratch[:0], r)
		if err := k.add('r', r.Key, form, err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (k *keptElements) add(kind byte, key string, form []byte, err error) error {
	k.scratch = form
	if err != nil {
		return err
	}
	lead := binary.AppendUvarint([]byte{kind}, uint64(len(key)))
	lead = binary.AppendUvarint(append(lead, key...), uint64(len(form)))
	for _, part := range [][]byte{lead, form} {
		if _, err := k.packer.Write(part); err != nil {
			return Errorf(KindInternal, "compare", "%q cannot be kept", key).WithCause(err)
		}
	}
	return nil
}

// pick gives the asked elements. Kinds: internal.
func (k *keptElements) pick(_ context.Context, keys ElementKeys) (*Graph, error) {
	wanted := map[string]bool{}
	for _, key := range keys.Nodes {
		wanted["n"+key] = true
	}
	for _, r := range keys.Relationships {
		wanted["r"+r.Key] = true
	}
	if err := k.packer.Flush(); err != nil {
		return nil, notKept(err)
	}
	g := &Graph{}
	in := bufio.NewReaderSize(flate.NewReader(bytes.NewReader(k.packed.Bytes())), 64<<10)
	for left := len(wanted); left > 0; {
		kind, err := in.ReadByte()
		if err != nil {
			// The stream was flushed, not closed, so its end is an unexpected one.
			return g, nil
		}
		key, err := readPart(in)
		if err != nil {
			return nil, notKept(err)
		}
		if !wanted[string(kind)+string(key)] {
			if err := skipPart(in); err != nil {
				return nil, notKept(err)
			}
			continue
		}
		left--
		form, err := readPart(in)
		if err == nil {
			err = g.unpack(kind, form)
		}
		if err != nil {
			return nil, notKept(err)
		}
	}
	return g, nil
}

func (g *Graph) unpack(kind byte, form []byte) error {
	r := newJSONReader(bytes.NewReader(form))
	if kind == 'n' {
		n, err := readNode(r)
		g.Nodes = append(g.Nodes, n)
		return err
	}
	rel, err := readRelationship(r)
	g.Relationships = append(g.Relationships, rel)
	return err
}

func readPart(in *bufio.Reader) ([]byte, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	part := make([]byte, n)
	_, err = io.ReadFull(in, part)
	return part, err
}

func skipPart(in *bufio.Reader) error {
	n, err := binary.ReadUvarint(in)
	if err == nil {
		_, err = in.Discard(int(n))
	}
	return err
}

func notKept(err error) error {
	return Errorf(KindInternal, "compare", "what was kept of the live graph cannot be read").WithCause(err)
}
