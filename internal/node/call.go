package node

import (
	"context"
	"errors"
	"fmt"

	"earshot/internal/chat"
	"earshot/transfer"
)

// reply runs start in the caller's goroutine and waits until done was called,
// which may be from any goroutine and later; only the first call counts.
func reply[T any](ctx context.Context, n *Node, start func(done func(T, error))) (T, error) {
	var none T
	select {
	case <-n.stopped:
		return none, ErrStopped
	default:
	}
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	start(func(value T, err error) {
		select {
		case answered <- answer{value, err}:
		default:
		}
	})
	select {
	case a := <-answered:
		return a.value, ended(a.err)
	case <-ctx.Done():
		return none, ctx.Err()
	case <-n.stopped:
		return none, ErrStopped
	}
}

// await is [reply] with start run on the loop.
func await[T any](ctx context.Context, n *Node, start func(done func(T, error))) (T, error) {
	return reply(ctx, n, func(done func(T, error)) {
		if !n.box.put(request(func() { start(done) })) {
			var none T
			done(none, ErrStopped)
		}
	})
}

// ask runs answer on the loop and returns what it says.
func ask[T any](ctx context.Context, n *Node, answer func() (T, error)) (T, error) {
	return await(ctx, n, func(done func(T, error)) { done(answer()) })
}

// order runs do on the loop and waits for it.
func order(ctx context.Context, n *Node, do func() error) error {
	_, err := ask(ctx, n, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// ended gives the error of a part that has stopped the meaning that it has: the
// node has.
func ended(err error) error {
	if errors.Is(err, chat.ErrStopped) || errors.Is(err, transfer.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrStopped, err)
	}
	return err
}
