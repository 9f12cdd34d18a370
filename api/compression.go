package api

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"graphsnap/engine"
)

// The compressions of exports, by the ending that their files get.
var compressionEndings = map[string]string{"": "", "gzip": ".gz", "zstd": ".zst"}

var compressionTypes = map[string]string{"gzip": "application/gzip", "zstd": "application/zstd"}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// compressed gives a writer that compresses into w. It must be closed to complete what was written; dropping it costs
// nothing. Kinds: invalid.
func compressed(w io.Writer, compression string) (io.WriteCloser, error) {
	switch compression {
	case "":
		return plainWriter{w}, nil
	case "gzip":
		return gzip.NewWriter(w), nil
	case "zstd":
		// One at a time: reading from the database and writing overlap already, and several would each take their window.
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, engine.Errorf(engine.KindInternal, "export", "zstd cannot be started").WithCause(err)
		}
		return z, nil
	}
	return nil, engine.Errorf(engine.KindInvalid, "export", "there is no compression %q", compression).WithHint("compressions are gzip and zstd")
}

// maxWindow bounds the memory of a zstd decoder, bytes; --ultra and --long of zstd itself ask for more.
const maxWindow = 64 << 20

// decompressed gives what r holds, by its first bytes: gzip, zstd, or as it is. How much comes out must be bounded by who
// reads it. Kinds: invalid.
func decompressed(r io.Reader) (io.ReadCloser, error) {
	source := &noted{in: r}
	in := bufio.NewReaderSize(source, 64<<10)
	start, err := in.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case len(start) >= 2 && start[0] == 0x1f && start[1] == 0x8b:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, source.explain(err)
		}
		return &unpacking{z, z.Close, source}, nil
	case len(start) == 4 && string(start) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, source.explain(err)
		}
		return &unpacking{z, func() error { z.Close(); return nil }, source}, nil
	}
	return io.NopCloser(in), nil
}

// noted is a reader that remembers what it failed with.
type noted struct {
	in  io.Reader
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	read, err := n.in.Read(p)
	if err != nil && err != io.EOF {
		n.err = err
	}
	return read, err
}

// explain tells content that cannot be decompressed from content that did not come.
func (n *noted) explain(err error) error {
	if n.err != nil {
		return n.err
	}
	e := engine.Errorf(engine.KindInvalid, "import", "the compressed content is damaged or ends early").WithCause(err).WithHint("send or export it again")
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		e.Message, e.Hint = "the content needs more memory to decompress than it may", "compress it again with plain `zstd` or `gzip`"
	}
	return e
}

type unpacking struct {
	io.Reader
	close  func() error
	source *noted
}

func (u *unpacking) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = u.source.explain(err)
	}
	return n, err
}

func (u *unpacking) Close() error { return u.close() }
