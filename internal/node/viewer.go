package node

import "context"

type viewerKey struct{}

// AsViewer makes calls with the returned context those of one screen: each has
// its own open conversation, see [Node.Watch]. The viewer is any comparable
// value.
func AsViewer(ctx context.Context, viewer any) context.Context {
	return context.WithValue(ctx, viewerKey{}, viewer)
}

// Viewer is the screen that the context belongs to, nil for the node's own.
func Viewer(ctx context.Context) any { return ctx.Value(viewerKey{}) }
