package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// lookTime is how long a node that has just started looks for somebody before
// nobody of that name is there.
const lookTime = 3 * time.Second

// find is the one person that text means. A node that started less than look ago
// (3 s at most) is given that time to find somebody.
func (p *Program) find(ctx context.Context, n Node, text string, look time.Duration) (node.Person, error) {
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return node.Person{}, err
	}
	defer sub.Close()
	for {
		self, err := n.Self(ctx) // each time: another node may have taken over, and looks anew
		if err != nil {
			return node.Person{}, err
		}
		people, err := n.People(ctx)
		if err != nil {
			return node.Person{}, err
		}
		switch found := node.Resolve(people, text); {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return node.Person{}, several(text, found, time.Since(self.Started) >= lookTime)
		}
		if late, err := newcomer(ctx, sub, self.Started.Add(min(look, lookTime))); err != nil {
			return node.Person{}, err
		} else if late {
			return node.Person{}, nobody(text, people)
		}
	}
}

// newcomer waits for news about people; late says that there were none in time.
func newcomer(ctx context.Context, sub node.Subscription, end time.Time) (late bool, err error) {
	waiting, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	err = await(waiting, sub, isAboutPeople)
	if waiting.Err() != nil && ctx.Err() == nil {
		return true, nil
	}
	return false, err
}

func isAboutPeople(e node.Event) (bool, error) {
	return e.Kind == node.PeerUp || e.Kind == node.PeerChanged || e.Kind == node.Resync, nil
}

// await reads events until enough says so. Its error is enough's, ctx's, or
// [node.ErrStopped].
func await(ctx context.Context, sub node.Subscription, enough func(node.Event) (bool, error)) error {
	for {
		events, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if done, err := enough(e); done || err != nil {
				return err
			}
		}
	}
}

// nobody says that no person is meant by text, and who is there or known.
func nobody(text string, people []node.Person) error {
	f := &failure{code: codeWho, what: fmt.Sprintf("Nobody called %q is known.", text)}
	for _, one := range people {
		if !passedBy(one) {
			f.list = append(f.list, describe(one, true))
		}
	}
	f.do = "Choose one of these; \"earshot peers\" looks again."
	if len(f.list) == 0 {
		f.do = "Nobody is in earshot; is the other one running, and on the same network?"
	}
	return f
}

// several says whom text may mean; looked: long enough to say who is not there.
func several(text string, found []node.Person, looked bool) error {
	f := &failure{
		code: codeWho, what: fmt.Sprintf("%q may be one of %d.", text, len(found)),
		do: fmt.Sprintf("Say the ID, or at least %d characters of its beginning.", node.MinPrefix),
	}
	for _, one := range found {
		f.list = append(f.list, describe(one, looked))
	}
	return f
}

// passedBy reports whether somebody is gone with whom this person has nothing to
// do.
func passedBy(one node.Person) bool {
	return !one.Online && !one.Contact && !one.Verified && one.Written.IsZero()
}

// describe is a person in one line, with enough of the ID to say it.
func describe(one node.Person, looked bool) string {
	words := []string{fullName(one), shortID(one.ID)}
	if len(one.Addresses) > 0 {
		words = append(words, one.Addresses[0])
	}
	if !looked && !one.Online {
		return strings.Join(append(words, trust(one)), "  ")
	}
	return strings.Join(append(words, standing(one)), "  ")
}

// nameOf is what a device is called, by its ID where it gave no name.
func nameOf(name peer.Text, id peer.ID) string {
	if name.IsZero() {
		return shortID(id)
	}
	return name.String()
}

// fullName is what a person is called, and the user name on the server.
func fullName(one node.Person) string {
	name, user := nameOf(one.Name, one.ID), peer.Line(one.Account, 0).String()
	if user == "" || peer.FoldName(user) == peer.FoldName(name) {
		return name
	}
	return name + " (" + user + ")"
}

// refName is what a device is called where only its name tells it from others:
// one that shows the name of a verified contact has its ID beside it.
func refName(ref node.Ref) string {
	name := nameOf(ref.Name, ref.ID)
	if ref.Imitates && !ref.Name.IsZero() {
		name += " (" + shortID(ref.ID) + ", not verified)"
	}
	return name
}

// refTo is a person as a message has its author.
func refTo(one node.Person) node.Ref {
	return node.Ref{ID: one.ID, Name: one.Name, Imitates: one.Imitates}
}

// shortID is the beginning of an ID: 40 bits tell the devices of a network apart.
func shortID(id peer.ID) string { return id.String()[:8] }

// standing is what one should know of a person, in words.
func standing(one node.Person) string {
	if one.Online {
		return "on-line, " + trust(one)
	}
	return "away, " + trust(one)
}

// trust is how sure it is who a person is, and what is accepted from there, in words.
func trust(one node.Person) string {
	words := "not verified"
	switch {
	case one.NewDevice:
		words = "a new device of a verified contact, by the server's word alone"
	case one.Imitates:
		words = "another device under the name of a verified contact"
	case one.Older:
		words = "verified, but it speaks an older version than before: nothing is sent until it is verified again"
	case one.Verified:
		words = "verified"
	case !one.CertifiedBy.IsZero():
		words = "certified by " + one.CertifiedBy.String()
		if !one.Lapsed.IsZero() {
			words += " until " + one.Lapsed.Local().Format(time.DateOnly)
		}
	case !one.FirstSeen.IsZero():
		words += " since " + one.FirstSeen.Local().Format(time.DateOnly)
	}
	if one.AcceptUpTo != 0 {
		words += ", files " + upToWords(one.AcceptUpTo) + " are accepted"
	}
	return words
}

// upToWords is a limit for what is accepted from one person.
func upToWords(upTo int64) string {
	if upTo == node.AnySize {
		return "of any size"
	}
	return "of up to " + bytesOf(upTo)
}

// findTransfer is the one transfer whose ID begins with text.
func findTransfer(ctx context.Context, n Node, text string) (node.Transfer, error) {
	transfers, err := n.Transfers(ctx)
	if err != nil {
		return node.Transfer{}, err
	}
	var found []node.Transfer
	for _, t := range transfers {
		if matchesID(t.ID, text) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return node.Transfer{}, &failure{code: codeFailed, what: fmt.Sprintf("There is no offer or transfer %q.", text), do: "Say \"earshot transfers\" to see what there is."}
	case 1:
		return found[0], nil
	}
	f := &failure{code: codeFailed, what: fmt.Sprintf("%q may be one of %d transfers.", text, len(found)), do: "Say more of its ID."}
	for _, t := range found {
		f.list = append(f.list, fmt.Sprintf("%s  %s", t.ID, t.Name))
	}
	return node.Transfer{}, f
}

// matchesID reports whether text is an ID or its beginning, at least 4
// characters; hyphens do not matter.
func matchesID(id uuid.UUID, text string) bool {
	text = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(text), "-", ""))
	return len(text) >= node.MinPrefix && strings.HasPrefix(strings.ReplaceAll(id.String(), "-", ""), text)
}
