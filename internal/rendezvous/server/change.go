package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"earshot/peer"
)

// change says what a transaction changed, for those who have to tell clients.
type change struct {
	kind    kind
	account uuid.UUID
	other   uuid.UUID // of a relation
	device  peer.ID
}

// kind is what changed.
type kind string

// What changes. After each word stands what the change names.
const (
	face     kind = "face"     // account: what others see of it
	self     kind = "self"     // account: what its own devices are told of it
	relation kind = "relation" // account and other: how they stand to each other
	seated   kind = "seated"   // device: it is signed out, or heartbeats elsewhere
	revoked  kind = "revoked"  // nothing: the revocation list grew
	servers  kind = "servers"  // nothing: where clients can go
)

// tell has all servers hear of a change once the transaction is committed.
func (t *tx) tell(c change) { t.changes = append(t.changes, c) }

// tell hands changes to this server.
func (d *directory) tell(changes []change) {
	if len(changes) == 0 {
		return
	}
	d.mu.Lock()
	f := d.changed
	d.mu.Unlock()
	f(changes)
}

// watch has f told of what changes from now on: here, by who changed it.
func (d *directory) watch(f func([]change)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changed = f
}

const (
	channel = "earshot" // of NOTIFY
	// maxNotice is what PostgreSQL carries in one notice, less a little.
	maxNotice = 7900
	// listenAgain is how long a lost connection for notices is left alone.
	listenAgain = time.Second
)

// notify has PostgreSQL tell the other servers when t is committed.
func (d *directory) notify(t *tx) error {
	if d.postgres == nil {
		return nil
	}
	for _, notice := range notices(d.name, t.changes) {
		if err := t.run("SELECT pg_notify($1, $2)", channel, notice); err != nil {
			return fmt.Errorf("notify: %w", err)
		}
	}
	return nil
}

// notices writes changes, one a line, after the name of the server that made them.
func notices(from uuid.UUID, changes []change) []string {
	var all []string
	var b strings.Builder
	for _, c := range changes {
		line := fmt.Sprintf("\n%s %s %s %s", c.kind, c.account, c.other, c.device)
		if b.Len()+len(line) > maxNotice {
			all = append(all, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(from.String())
		}
		b.WriteString(line)
	}
	if b.Len() > 0 {
		all = append(all, b.String())
	}
	return all
}

// parseNotice reads what notices wrote. A line that a newer server wrote is left
// out.
func parseNotice(notice string) (from uuid.UUID, changes []change, err error) {
	head, rest, _ := strings.Cut(notice, "\n")
	if from, err = uuid.Parse(head); err != nil {
		return from, nil, fmt.Errorf("read notice: %w", err)
	}
	for line := range strings.Lines(rest) {
		if c, err := parseChange(line); err == nil {
			changes = append(changes, c)
		}
	}
	return from, changes, nil
}

func parseChange(line string) (c change, err error) {
	words := strings.Fields(line)
	if len(words) != 4 {
		return c, fmt.Errorf("read notice: %d words", len(words))
	}
	c.kind = kind(words[0])
	if c.account, err = uuid.Parse(words[1]); err == nil {
		c.other, err = uuid.Parse(words[2])
	}
	if err == nil {
		c.device, err = peer.ParseID(words[3])
	}
	return c, err
}

// listen has heard told of what other servers change, until ctx ends. After each
// time that notices may have been missed it calls lost.
func (d *directory) listen(ctx context.Context, heard func([]change), lost func(error)) {
	if d.postgres == nil {
		<-ctx.Done()
		return
	}
	for ctx.Err() == nil {
		err := d.listenOnce(ctx, heard, lost)
		if ctx.Err() == nil {
			lost(err)
			pause(ctx, listenAgain)
		}
	}
}

func (d *directory) listenOnce(ctx context.Context, heard func([]change), listening func(error)) error {
	conn, err := pgx.ConnectConfig(ctx, d.postgres)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	listening(nil)
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if from, changes, err := parseNotice(n.Payload); err == nil && from != d.name {
			heard(changes)
		}
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
