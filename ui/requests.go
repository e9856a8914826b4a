package ui

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// request is something that waits for the person's word. It shows as a bar
// above the line one writes in, and never takes the keys by itself.
type request struct {
	key    string
	urgent bool // a warning: nobody waits for an answer to it
	at     time.Time
	bar    func() string // only one of them is drawn, and there may be a thousand
	open   func()
}

// requests is everything that waits, in the order in which it is answered: what
// was put off comes last.
func (c *Console) requests() []request {
	all := slices.Concat(c.friendRequests(), c.serverRequest(), c.outRequest(), c.noticeRequest())
	for _, t := range c.transfers.going() {
		switch {
		case offeredHere(*t):
			all = append(all, c.offerRequest(*t))
		case taken(*t):
			all = append(all, c.takenRequest(*t))
		}
	}
	for _, p := range c.people {
		switch {
		case !p.Alarm.IsZero():
			all = append(all, request{"alarm " + p.ID.String() + p.Alarm.String(), true, p.LastSeen, p.Alarm.String, func() { c.showAlarm(p) }})
		case p.Older:
			all = append(all, request{"older " + p.ID.String(), true, p.LastSeen, func() string { return c.words.OlderBar.with(nameOf(p)) }, func() { c.askOlder(p) }})
		case p.Asks:
			all = append(all, request{"own " + p.ID.String(), true, p.FirstSeen, func() string { return c.words.OwnDeviceBar.with(p.ID.String()[:8]) }, func() { c.askOwnDevice(p) }})
		case p.Guest && !p.Imitates && p.Online:
			all = append(all, request{"guest " + p.ID.String(), false, p.FirstSeen, func() string { return c.words.GuestBar.with(nameOf(p)) }, func() { c.askGuest(p) }})
		case p.NewDevice:
			all = append(all, request{"device " + p.ID.String(), true, p.FirstSeen, func() string { return c.words.NewDeviceBar.with(nameOf(p)) }, func() { c.askNewDevice(p) }})
		case p.Imitates:
			all = append(all, request{"imitator " + p.ID.String(), true, p.FirstSeen, func() string { return c.words.ImitatorBar.with(nameOf(p)) }, func() { c.warnImitator(p) }})
		case p.Waiting:
			all = append(all, request{"stranger " + p.ID.String(), false, p.Written, func() string { return c.words.StrangerBar.with(nameOf(p)) }, func() { c.askStranger(p) }})
		}
	}
	slices.SortFunc(all, func(a, b request) int {
		return cmp.Or(compareBool(c.put[a.key], c.put[b.key]), -compareBool(a.urgent, b.urgent), a.at.Compare(b.at), cmp.Compare(a.key, b.key))
	})
	return all
}

// unanswered is how many requests there are, without the warnings that the
// person saw.
func (c *Console) unanswered() int {
	n := 0
	for _, r := range c.waiting {
		if !r.urgent || !c.put[r.key] {
			n++
		}
	}
	return n
}

func (c *Console) offerRequest(t node.Transfer) request {
	bar := func() string { return c.words.OfferBar.with(t.Peer.Name.String(), c.nameOfTransfer(t), c.sizeOf(t)) }
	return request{"offer " + t.ID.String(), false, t.Offered, bar, func() { c.askOffer(t) }}
}

// sizeOf is how much a transfer is: "2.4 MB", "3 files, 1.0 GB".
func (c *Console) sizeOf(t node.Transfer) string {
	if t.Files > 1 {
		return c.words.Files.of(t.Files) + c.words.Comma + bytesOf(t.Bytes)
	}
	return bytesOf(t.Bytes)
}

// answer opens the request that waits longest, or what went wrong and was too long
// to be shown.
func (c *Console) answer() {
	if c.fault && c.cut {
		c.showFault()
		return
	}
	all := c.requests()
	if len(all) == 0 {
		c.say(c.words.NothingAsked)
		return
	}
	c.put[all[0].key] = true // the dialog answers it, or the person put it off
	all[0].open()
}

// offeredHere reports whether a transfer waits for the person here to say yes or no.
func offeredHere(t node.Transfer) bool {
	return t.Direction == node.Receiving && t.State == "offered"
}

// offers is the offers that wait for an answer, the oldest first.
func (c *Console) offers() []node.Transfer {
	var waiting []node.Transfer
	for _, t := range c.transfers.going() {
		if offeredHere(*t) {
			waiting = append(waiting, *t)
		}
	}
	slices.SortFunc(waiting, func(a, b node.Transfer) int { return a.Offered.Compare(b.Offered) })
	return waiting
}

// answerOffer says yes or no to the oldest offer, of the open conversation first.
// Where none waits, a yes opens the question about taken names.
func (c *Console) answerOffer(accept bool) {
	waiting := c.offers()
	if len(waiting) == 0 {
		for _, t := range c.transfers.going() {
			if accept && taken(*t) {
				c.askTaken(*t)
				return
			}
		}
		c.say(c.words.NothingAsked)
		return
	}
	chosen := waiting[0]
	for _, t := range slices.Backward(waiting) {
		if c.open != nil && t.Peer.ID == c.open.person {
			chosen = t
		}
	}
	if accept {
		c.accept(offerAnswer{offer: chosen})
	} else {
		c.decline(chosen.ID)
	}
}

func (c *Console) decline(id uuid.UUID) {
	c.tell(c.calls, func(ctx context.Context) error { return c.node.Answer(ctx, id, node.Answer{}) })
}

// askOffer asks about files that somebody offers.
func (c *Console) askOffer(t node.Transfer) {
	w := c.words
	d := c.newDialog(w.OfferTitle.of(t.Files, t.Peer.Name.String()))
	d.say(bold, t.Name.String())
	from := c.sizeOf(t)
	if p, ok := c.people[t.Peer.ID]; ok {
		_, trust := c.trust(p)
		from += w.Comma + trust
	}
	d.say(plain, from)
	if !t.Renamed.IsZero() {
		d.say(plain, w.RenamedFrom.with(t.Renamed.String()))
	}
	if !t.Skipped.IsZero() {
		d.say(plain, t.Skipped.String())
	}
	if t.Program {
		d.say(alarm.Bold(true), w.ProgramWarning)
	}
	d.gap()
	usual := short(c.self.Dir)
	dir := d.ask(w.SaveIn, usual)
	if c.self.FolderPerPerson {
		d.say(dim, w.OwnFolder.with(t.Peer.Name.String()))
	}
	if then := w.Conflicts[string(c.self.Conflict)]; then != "" {
		d.say(dim, then)
	}
	d.gap()
	always := c.askAlways(d, t)
	put := "offer " + t.ID.String()
	d.choose(
		button{w.Accept, func() {
			answer := offerAnswer{offer: t}
			if dir.text() != usual {
				answer.dir = home(dir.text())
			}
			always(&answer)
			c.accept(answer)
		}},
		button{w.Decline, func() { c.decline(t.ID) }},
		button{w.Later, func() { c.put[put] = true }},
	)
	d.start(len(d.stops) - 1)
}

// askStranger asks whether somebody who is not known yet may write.
func (c *Console) askStranger(p node.Person) {
	w := c.words
	d := c.newDialog(w.StrangerTitle.with(nameOf(p)))
	d.say(plain, w.StrangerText.with(nameOf(p)))
	if len(p.Addresses) > 0 {
		d.say(dim, hostOf(p.Addresses[0])+"  "+peer.FoldID(p.ID.String())[:16])
	}
	d.gap()
	d.choose(
		button{w.StrangerYes, func() {
			c.tell(c.writes, func(ctx context.Context) error { return c.node.Accept(ctx, p.ID) })
			c.show(p.ID)
			c.focus(inCompose)
		}},
		button{w.StrangerRead, func() { c.show(p.ID); c.focus(inCompose) }},
		button{w.Later, func() {}},
	)
	d.start(0)
}

// warnImitator says that somebody has the name of a verified person, but is not.
func (c *Console) warnImitator(p node.Person) {
	w := c.words
	d := c.newDialog(w.ImitatorTitle.with(nameOf(p)))
	d.say(alarm.Bold(true), w.ImitatorText.with(nameOf(p)))
	d.gap()
	d.say(plain, w.ImitatorWhy)
	d.gap()
	d.choose(
		button{w.Compare, func() { c.askVerify(p) }},
		button{w.Close, func() {}},
	)
	d.start(1)
}

// askNewDevice asks whether a device is a verified person's, as the server says.
func (c *Console) askNewDevice(p node.Person) {
	w := c.words
	c.askTrust(p, w.NewDeviceTitle.with(nameOf(p)), w.NewDeviceText.with(nameOf(p)), w.NewDeviceWhy, w.NewDeviceYes)
}

// askGuest asks whether a device is that of somebody whom one knows by another one.
func (c *Console) askGuest(p node.Person) {
	w := c.words
	c.askTrust(p, w.NewDeviceTitle.with(nameOf(p)), w.GuestText.with(nameOf(p)), w.GuestWhy, w.NewDeviceYes)
}

// askOwnDevice asks whether a device is another one of this person.
func (c *Console) askOwnDevice(p node.Person) {
	w := c.words
	c.askTrust(p, w.OwnDeviceTitle, w.OwnDeviceText.with(p.ID.String()[:8]), w.OwnDeviceWhy, w.OwnDeviceYes)
}

// askOlder asks whether it is right that a verified person's program is older now.
func (c *Console) askOlder(p node.Person) {
	w := c.words
	c.askTrust(p, nameOf(p), w.OlderText.with(nameOf(p)), w.OlderWhy, w.OlderYes)
}

// askTrust asks whether a device gets what is written to a verified person.
func (c *Console) askTrust(p node.Person, title, text, why, yes string) {
	d := c.newDialog(title)
	d.say(alarm.Bold(true), text)
	d.gap()
	d.say(plain, why)
	d.gap()
	d.choose(
		button{c.words.Compare, func() { c.askVerify(p) }},
		button{yes, func() {
			c.tell(c.writes, func(ctx context.Context) error { return c.node.Accept(ctx, p.ID) })
		}},
		button{c.words.Close, func() {}},
	)
	d.start(2)
}

// showAlarm shows a sentence that the person must see.
func (c *Console) showAlarm(p node.Person) {
	d := c.newDialog(nameOf(p))
	d.say(alarm.Bold(true), p.Alarm.String())
	d.gap()
	d.choose(button{c.words.Close, func() {}})
	d.start(0)
}

// verify opens the numbers to compare with a person.
func (c *Console) verify(name string) { c.about(name, c.askVerify) }

// about does something with the person of that name, or of the open conversation
// where none is given.
func (c *Console) about(name string, do func(node.Person)) {
	var p node.Person
	var ok bool
	if name != "" {
		p, ok = c.named(name)
	} else if c.open != nil {
		p, ok = c.people[c.open.person]
	}
	if !ok {
		c.complain(c.words.NobodyChosen)
		return
	}
	do(p)
}

// askVerify shows the safety number, which is the same on both sides only if
// nobody sits between.
func (c *Console) askVerify(p node.Person) {
	w := c.words
	d := c.newDialog(w.VerifyTitle.with(nameOf(p)))
	d.say(plain, w.VerifyHow.with(nameOf(p)))
	d.gap()
	d.number(peer.SafetyNumber(c.self.ID, p.ID))
	d.gap()
	d.say(plain, w.VerifyMeans)
	if !p.Verified && !p.FirstSeen.IsZero() {
		d.say(dim, w.KnownSince.with(w.day(p.FirstSeen.In(c.now().Location()), c.now())))
	}
	d.gap()
	set := func(verified bool) {
		c.tell(c.writes, func(ctx context.Context) error { return c.node.Verify(ctx, p.ID, verified) })
	}
	d.choose(
		button{w.Same, func() { set(true) }},
		button{w.Differ, func() { set(false); c.complain(w.DifferText.with(nameOf(p))) }},
		button{w.Later, func() {}},
	)
	d.start(2)
}

// showKey shows the own ID, as another person would type or read it.
func (c *Console) showKey() {
	d := c.newDialog(c.words.KeyTitle)
	d.say(bold, c.self.Name.String())
	d.say(plain, c.self.ID.Grouped())
	d.gap()
	d.say(dim, c.words.KeyText)
	d.gap()
	d.choose(button{c.words.Close, func() {}})
	d.start(0)
}
