package node

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"earshot/internal/profile"
	"earshot/transfer"
)

// ParseLimit reads a speed as people write it, "10 MB/s", in bytes a second, as the
// settings do. Nothing is 0: no limit.
func ParseLimit(text string) (int64, error) { return profile.ParseRate(text) }

// Limit changes how fast files may go, at once and for good, and returns when that is
// on the disk.
func (n *Node) Limit(ctx context.Context, to Limit) error {
	switch {
	case to.Bytes != 0 && to.Bytes < MinLimit:
		return fmt.Errorf("limit files to %d bytes a second: want %d at least, or 0", to.Bytes, MinLimit)
	case to.Transfer != uuid.Nil:
		return n.command(ctx, to.Transfer, func(_ transfer.Transfer, done func(error)) {
			n.engine.LimitTransfer(to.Transfer, to.Bytes, done)
		})
	case to.Peer.IsZero():
		return n.limitAll(ctx, to.Bytes)
	}
	_, err := await(ctx, n, func(done func(struct{}, error)) {
		p, err := n.person(to.Peer)
		if err != nil {
			done(struct{}{}, err)
			return
		}
		n.limitPeer(p, to.Bytes)
		d := p.device() // a limit is kept of strangers too
		n.changed(p)
		n.desk.do("remember a limit", func() error {
			done(struct{}{}, n.db.SaveDevice(d))
			return nil
		})
	})
	return err
}

func (n *Node) limitPeer(p *person, bytes int64) {
	p.limit = bytes
	n.engine.LimitPeer(p.id, bytes)
}

func (n *Node) limitAll(ctx context.Context, bytes int64) error {
	if err := n.keep("rate", rateText(bytes)); err != nil {
		return err
	}
	return order(ctx, n, func() error {
		n.limit = bytes
		n.engine.LimitAll(bytes)
		n.selfChanged()
		return nil
	})
}

// rateText is a limit as the settings have it.
func rateText(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%d B/s", bytes)
}
