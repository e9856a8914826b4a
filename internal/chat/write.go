package chat

import (
	"errors"
	"fmt"
	"slices"

	"earshot/peer"
)

// pendingDraft is a draft that waits for the next commit.
type pendingDraft struct {
	Draft
	reply func(Entry, error)
}

// draftsAtOnce bounds the drafts of one commit: 256 texts of full length are
// 8 MiB.
const draftsAtOnce = 256

// write collects a draft; the drafts that come together are one commit.
func (c *core) write(d Draft, reply func(Entry, error)) {
	if c.stopped {
		reply(Entry{}, ErrStopped)
		return
	}
	c.drafts = append(c.drafts, pendingDraft{d, reply})
}

// writeDrafts commits the drafts that were collected, those to one party together.
func (c *core) writeDrafts() {
	for len(c.drafts) > 0 {
		own, to := c.addressed(c.drafts[0].Draft)
		var now, later []pendingDraft
		for _, d := range c.drafts {
			if _, also := c.addressed(d.Draft); also == to && len(now) < draftsAtOnce {
				now = append(now, d)
			} else {
				later = append(later, d)
			}
		}
		c.drafts = later
		c.writeTo(own, to, now)
	}
}

// addressed says on whose behalf and to whom a draft is written.
func (c *core) addressed(d Draft) (own, to Party) {
	if d.To.IsZero() && d.Kind == KindAnnouncement {
		return c.account, RealmParty(c.account.Realm)
	}
	account := c.parties[d.To]
	between := d.Kind == KindOffer || d.Kind == KindConfirmation
	if between || !account.IsAccount() || !c.account.IsAccount() || account == c.account {
		return DeviceParty(c.self), DeviceParty(d.To)
	}
	return c.account, account
}

func (c *core) writeTo(own, to Party, drafts []pendingDraft) {
	entries, ch, err := c.addDrafts(own, to, drafts)
	if err == nil {
		err = ch.commit()
	}
	if err != nil {
		for _, d := range drafts {
			if d.reply != nil {
				d.reply(Entry{}, fmt.Errorf("write to %s: %w", d.To, err))
			}
		}
		return
	}
	for i, d := range drafts {
		if d.reply != nil {
			d.reply(entries[i], nil)
		}
	}
	ch.tell()
	for _, s := range ch.v.shares {
		c.spread(s, ch.batch.Entries)
		c.reviewWaiting(s) // this may be the entry that the peer holds back
	}
}

// addDrafts makes entries of drafts. A draft that cannot become one is replied
// to here, and has no reply afterwards.
func (c *core) addDrafts(own, to Party, drafts []pendingDraft) ([]Entry, *change, error) {
	if to == own || to.IsZero() {
		return nil, nil, errors.New("this is the device itself, or nobody")
	}
	v, err := c.conversationWith(own, to)
	if err != nil {
		return nil, nil, err
	}
	ch := c.change(v)
	ch.accept = slices.ContainsFunc(drafts, func(d pendingDraft) bool { return d.Kind.speaks() })
	entries := make([]Entry, len(drafts))
	for i := range drafts {
		e, bad, err := c.addDraft(ch, drafts[i].Draft)
		if err != nil {
			return nil, nil, err
		}
		if bad != nil {
			drafts[i].reply(Entry{}, fmt.Errorf("write to %s: %w", drafts[i].To, bad))
			drafts[i].reply = nil
		}
		entries[i] = e
	}
	return entries, ch, nil
}

// addDraft makes an entry of a draft; bad says what is wrong with the draft.
func (c *core) addDraft(ch *change, d Draft) (e Entry, bad, err error) {
	now := c.cfg.Now()
	if a, ok := d.Body.(Announcement); ok && ch.v.Peer.IsRealm() {
		a.Ticket = c.ticket
		d.Body = a
	}
	body, bad := encodeBody(d, milliseconds(now))
	if bad == nil && len(body) > maxBody {
		bad = fmt.Errorf("a body of %d bytes, at most %d", len(body), maxBody)
	}
	if bad != nil {
		return Entry{}, bad, nil
	}
	h := Header{ID: d.ID, Clock: nextClock(now, ch.newest), Kind: d.Kind}
	if d.ID != (Header{}).ID {
		if e, found, err := ch.find(EntryKey{c.self, d.ID}); err != nil || found {
			return e, nil, err
		}
	} else if h.ID, err = newID(); err != nil {
		return Entry{}, nil, err
	}
	e, err = ch.addOwn(h, body)
	if errors.As(err, new(unwelcome)) {
		return Entry{}, err, nil
	}
	return e, nil, err
}

// conversationWith is the conversation with a party, on behalf of another one.
func (c *core) conversationWith(own, to Party) (*conversation, error) {
	if to.IsRealm() {
		return c.notices()
	}
	return c.direct(own, to)
}

// find returns an entry that is here, or will be.
func (ch *change) find(key EntryKey) (Entry, bool, error) {
	if i, ok := ch.fresh[key]; ok {
		return ch.batch.Entries[i], true, nil
	}
	store := ch.c.cfg.Store
	places, err := store.Find(ch.v.ID, key)
	if err != nil || len(places) == 0 {
		return Entry{}, false, err
	}
	p := places[0]
	found, err := store.Entries(ch.v.ID, LogKey{key.Author, p.Log}, p.Number, p.Number, maxBody)
	if err != nil || len(found) == 0 {
		return Entry{}, false, err
	}
	return found[0], true, nil
}

// spread brings new entries of ours, of one log, to the peer: at once where it
// has all before them, else it is told that there are more.
func (c *core) spread(s *share, entries []Entry) {
	if s.broken || len(entries) == 0 || s.hides(entries[0].LogKey()) {
		return
	}
	k := entries[0].LogKey()
	now := c.timer()
	n := 0
	for ; n < len(entries) && s.push.has(n+1, now); n++ {
	}
	has := max(s.pushed[k], s.holder.seen[k].Last, s.holder.noted[k].Last)
	if c.sibling(s.peer) { // what it has is not delivered, and so not noted
		has = max(has, s.claims[k].Last)
	}
	if !s.full || s.waiting || s.dirty[k] || entries[0].Number != has+1 || !s.sendAgain.IsZero() {
		n = 0
	}
	sent, _ := c.sendEntries(s.session, entries[:n])
	if sent > 0 {
		s.push.take(sent, now)
		s.pushed[k] = entries[sent-1].Number
	}
	if sent < len(entries) {
		s.dirty[k] = true
	}
}

// read notes how far this person has read.
func (c *core) read(conversation peer.Hash, upTo Position) error {
	row, stored := c.stored[conversation]
	if c.stopped || !stored {
		return nil
	}
	v, err := c.open(row)
	if err != nil {
		return err
	}
	ch := c.change(v)
	for k, l := range v.logs {
		if l.Ours || l.Read >= l.Last {
			continue
		}
		number, err := c.cfg.Store.Reached(v.ID, k, upTo)
		if err != nil {
			return err
		}
		if number > l.Read {
			l.Read = number
			ch.logs[k] = l
		}
	}
	if err := ch.commit(); err != nil {
		return err
	}
	v.changed(ch.logs)
	return nil
}
