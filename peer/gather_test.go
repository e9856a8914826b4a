package peer

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"
)

// TestADataConnectionGathers has what is written wait until it is much, flushed, or
// the end.
func TestADataConnectionGathers(t *testing.T) {
	var sent, taken []int
	near, far := net.Pipe()
	w := newWire(&noting{near, &sent})
	w.startGather()
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(far)
		got <- b
	}()
	write := func(n int) {
		t.Helper()
		if _, err := w.Write(bytes.Repeat([]byte{byte(n)}, n)); err != nil {
			t.Fatal(err)
		}
		taken = append(taken, n)
	}
	write(16 << 10)
	write(16 << 10)
	if len(sent) > 0 {
		t.Errorf("sent %v at once", sent)
	}
	if err := w.flush(); err != nil || !slices.Equal(sent, []int{32 << 10}) {
		t.Errorf("sent %v, %v", sent, err)
	}
	for range 9 {
		write(16 << 10) // the ninth finds no room
	}
	if !slices.Equal(sent, []int{32 << 10, 128 << 10}) {
		t.Errorf("sent %v", sent)
	}
	write(200 << 10)
	if !slices.Equal(sent[2:], []int{16 << 10, 200 << 10}) {
		t.Errorf("sent %v", sent)
	}
	write(5)
	if err := w.endGather(); err != nil {
		t.Fatal(err)
	}
	write(7)
	if !slices.Equal(sent[4:], []int{5, 7}) {
		t.Errorf("sent %v", sent)
	}
	w.Close()
	var want []byte
	for _, n := range taken {
		want = append(want, bytes.Repeat([]byte{byte(n)}, n)...)
	}
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("%d bytes came, and not as they were written", len(b))
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("written to a closed connection")
	}
}

// noting notes the sizes of what is written.
type noting struct {
	net.Conn
	sizes *[]int
}

func (n *noting) Write(b []byte) (int, error) {
	*n.sizes = append(*n.sizes, len(b))
	return n.Conn.Write(b)
}
