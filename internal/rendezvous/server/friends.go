package server

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"earshot/internal/rendezvous"
)

const (
	// maxFriends bounds an account's friends and requests together: a whole list is
	// one answer.
	maxFriends = 1000
	// maxAsked and maxWaiting bound the requests that an account made, and that wait
	// for it: nobody fills another one's screen.
	maxAsked   = 100
	maxWaiting = 500
	// maxFound is how many accounts a search finds.
	maxFound = 50
)

// sought is the form in which names are searched.
func sought(name string) string { return cases.Fold().String(norm.NFKC.String(name)) }

// The relation of $1 to account a, as two columns of yeses and one of a block.
const relationOf = `
	EXISTS (SELECT 1 FROM friendship WHERE account = $1 AND other = a.id),
	EXISTS (SELECT 1 FROM friendship WHERE account = a.id AND other = $1),
	EXISTS (SELECT 1 FROM block WHERE account = $1 AND other = a.id)`

// relationOf in words.
func relationWord(mine, theirs, blocked bool) rendezvous.Relation {
	switch {
	case blocked:
		return rendezvous.Nobody
	case mine && theirs:
		return rendezvous.Friends
	case mine:
		return rendezvous.Outgoing
	case theirs:
		return rendezvous.Incoming
	}
	return rendezvous.Nobody
}

// roster says whose lists an account is on.
type Roster string

// On the lists of those who asked and got a yes; on everybody's.
const (
	RosterAsk  Roster = "ask"
	RosterOpen Roster = "open"
)

// friends are all whom an account sees on its list, ordered by user name.
func (d *directory) friends(ctx context.Context, of uuid.UUID, roster Roster) ([]rendezvous.Friend, error) {
	where := "a.id IN (SELECT other FROM friendship WHERE account = $1 UNION SELECT account FROM friendship WHERE other = $1)"
	if roster == RosterOpen {
		where = "NOT a.disabled"
	}
	return d.seen(ctx, of, roster, where)
}

// friend is one account, as another one sees it on its list; errNone where it does
// not.
func (d *directory) friend(ctx context.Context, of, other uuid.UUID, roster Roster) (rendezvous.Friend, error) {
	found, err := d.seen(ctx, of, roster, "a.id = $2", other[:])
	if err == nil && len(found) == 0 {
		err = errNone
	}
	if err != nil {
		return rendezvous.Friend{}, err
	}
	return found[0], nil
}

// seen are those of the accounts where it holds that an account sees on its list.
func (d *directory) seen(ctx context.Context, of uuid.UUID, roster Roster, where string, args ...any) ([]rendezvous.Friend, error) {
	var list []rendezvous.Friend
	query := "SELECT a.id, a.user_name, a.name, a.team, a.status, a.disabled, " + relationOf + `,
		d.id, p.presence, p.addresses, p.address FROM account a
		LEFT JOIN device d ON d.account = a.id LEFT JOIN presence p ON p.device = d.id
		WHERE a.id <> $1 AND ` + where + " ORDER BY a.user_name, d.id"
	err := each(ctx, d.read, func(scan func(...any) error) error {
		r := seenRow{}
		if err := scan(r.dest()...); err != nil {
			return err
		}
		r.addTo(&list, roster)
		return nil
	}, query, append([]any{of[:]}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("list friends: %w", err)
	}
	return list, nil
}

// seenRow is one device, or none, of an account that another one looks at.
type seenRow struct {
	friend                          rendezvous.Friend
	disabled, mine, theirs, blocked bool
	device                          []byte
	presence, addresses, address    *string
}

func (r *seenRow) dest() []any {
	f := &r.friend
	return []any{&f.Account, &f.User, &f.Name, &f.Team, &f.Status, &r.disabled, &r.mine, &r.theirs, &r.blocked,
		&r.device, &r.presence, &r.addresses, &r.address}
}

// addTo adds the row to the list, whose last one may be the same account. What is
// only for friends is left out for others.
func (r *seenRow) addTo(list *[]rendezvous.Friend, roster Roster) {
	f := r.friend
	f.State = relationWord(r.mine, r.theirs, r.blocked)
	if f.State != rendezvous.Friends && roster == RosterOpen && !r.blocked && !r.disabled {
		f.State = rendezvous.Colleague
	}
	if f.State == rendezvous.Nobody {
		return
	}
	close := f.State == rendezvous.Friends || f.State == rendezvous.Colleague
	if !close {
		f.Status = ""
	}
	if n := len(*list); n == 0 || (*list)[n-1].Account != f.Account {
		if close {
			f.Presence = rendezvous.Offline
		}
		*list = append(*list, f)
	}
	last := &(*list)[len(*list)-1]
	if !close || r.device == nil {
		return
	}
	device := rendezvous.Device{}
	copy(device.ID[:], r.device)
	if r.presence != nil {
		device.Addresses = dialled(*r.addresses, *r.address)
		last.Presence = stronger(last.Presence, rendezvous.Presence(*r.presence))
	}
	last.Devices = append(last.Devices, device)
}

// stronger is what an account's devices say together: busy was chosen, on-line is
// where somebody types; one that passes says nothing.
func stronger(a, b rendezvous.Presence) rendezvous.Presence {
	for _, p := range []rendezvous.Presence{rendezvous.Busy, rendezvous.Online, rendezvous.Away} {
		if a == p || b == p {
			return p
		}
	}
	return rendezvous.Offline
}

// dialled are the addresses where a device can be dialled: those that it said, and
// the one that the server sees, with the port of the first.
func dialled(said, seen string) []string {
	if said == "" {
		return nil
	}
	all := strings.Split(said, ",")
	ip, err := netip.ParseAddr(seen)
	first, notPort := netip.ParseAddrPort(all[0])
	if err != nil || notPort != nil || ip.IsLoopback() { // the server's own machine is nobody else's
		return all
	}
	if at := netip.AddrPortFrom(ip, first.Port()).String(); !slices.Contains(all, at) {
		all = append(all, at)
	}
	return all
}

// search finds accounts by the beginning of a user name, or by a part of a name.
func (d *directory) search(ctx context.Context, by uuid.UUID, text string) ([]rendezvous.Friend, error) {
	found := []rendezvous.Friend{}
	part := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(sought(text))
	err := each(ctx, d.read, func(scan func(...any) error) error {
		var f rendezvous.Friend
		var mine, theirs, blocked bool
		if err := scan(&f.Account, &f.User, &f.Name, &f.Team, &mine, &theirs, &blocked); err != nil {
			return err
		}
		f.State = relationWord(mine, theirs, blocked)
		found = append(found, f)
		return nil
	}, "SELECT a.id, a.user_name, a.name, a.team, "+relationOf+` FROM account a
		WHERE a.id <> $1 AND NOT a.disabled AND (a.user_name LIKE $2 ESCAPE '\' OR a.sought LIKE $3 ESCAPE '\')
		ORDER BY a.user_name LIMIT $4`, by[:], part+"%", "%"+part+"%", maxFound)
	if err != nil {
		return nil, fmt.Errorf("search accounts: %w", err)
	}
	return found, nil
}

// befriend says yes to another account: that is a request, or the answer to one. To
// say it again changes nothing, and takes a block back.
func (d *directory) befriend(ctx context.Context, id, other uuid.UUID) error {
	if id == other {
		return refuse(rendezvous.CodeInvalid)
	}
	return d.update(ctx, func(t *tx) error {
		if err := t.roomForFriend(id, other); err != nil {
			return err
		}
		if err := t.run("DELETE FROM block WHERE account = $1 AND other = $2", id[:], other[:]); err != nil {
			return err
		}
		n, err := t.exec("INSERT INTO friendship (account, other) VALUES ($1, $2) ON CONFLICT DO NOTHING", id[:], other[:])
		if err == nil && n > 0 {
			t.tell(change{kind: relation, account: id, other: other})
		}
		return err
	})
}

// roomForFriend refuses a yes that would be one too many. Whom the other side asked
// is always answered.
func (t *tx) roomForFriend(id, other uuid.UUID) error {
	var known, asked, friends, waiting int
	err := t.one([]any{&known, &asked, &friends, &waiting}, `SELECT
		(SELECT count(*) FROM friendship WHERE account = $1 AND other = $2 OR account = $2 AND other = $1),
		(SELECT count(*) FROM friendship f WHERE f.account = $1 AND NOT EXISTS (SELECT 1 FROM friendship WHERE account = f.other AND other = $1)),
		(SELECT count(*) FROM friendship WHERE account = $1),
		(SELECT count(*) FROM friendship f WHERE f.other = $2 AND NOT EXISTS (SELECT 1 FROM friendship WHERE account = $2 AND other = f.account))`,
		id[:], other[:])
	if err == nil && (known == 0 && (asked >= maxAsked || waiting >= maxWaiting) || friends >= maxFriends) {
		err = &refusal{code: rendezvous.CodeTooMany, wait: 3600}
	}
	return err
}

// part ends what is between two accounts, whoever asked whom.
func (d *directory) part(ctx context.Context, id, other uuid.UUID) error {
	return d.update(ctx, func(t *tx) error {
		n, err := t.exec("DELETE FROM friendship WHERE account = $1 AND other = $2 OR account = $2 AND other = $1", id[:], other[:])
		if err == nil && n > 0 {
			t.tell(change{kind: relation, account: id, other: other})
		}
		return err
	})
}

// block has an account hear nothing more of another one, which is not told: it sees
// its request wait.
func (d *directory) block(ctx context.Context, id, other uuid.UUID, on bool) error {
	if id == other {
		return refuse(rendezvous.CodeInvalid)
	}
	return d.update(ctx, func(t *tx) error {
		t.tell(change{kind: relation, account: id, other: other})
		if !on {
			return t.run("DELETE FROM block WHERE account = $1 AND other = $2", id[:], other[:])
		}
		if err := t.run("DELETE FROM friendship WHERE account = $1 AND other = $2", id[:], other[:]); err != nil {
			return err
		}
		return t.run("INSERT INTO block (account, other) VALUES ($1, $2) ON CONFLICT DO NOTHING", id[:], other[:])
	})
}

// watchers are the accounts on whose lists an account is.
func (d *directory) watchers(ctx context.Context, id uuid.UUID) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	err := each(ctx, d.ahead, func(scan func(...any) error) error {
		var other uuid.UUID
		err := scan(&other)
		ids = append(ids, other)
		return err
	}, "SELECT account FROM friendship WHERE other = $1 UNION SELECT other FROM friendship WHERE account = $1", id[:])
	return ids, err
}
