package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// dialogue stores n texts, of alice and bob in turn and with clocks that are
// often equal, and returns them in the shown order.
func dialogue(t testing.TB, db *DB, n int) []chat.Entry {
	t.Helper()
	a := &author{Identity: alice, with: bob, log: db.Log()}
	b := &author{Identity: bob, with: alice, log: 9}
	var ours, theirs []chat.Entry
	for i := range n / 2 {
		clock := uint64(start + i/3)
		for _, side := range []struct {
			*author
			entries *[]chat.Entry
		}{{a, &ours}, {b, &theirs}} {
			body, err := peer.Marshal(chat.Text{Text: fmt.Sprintf("word%d", i)})
			if err != nil {
				t.Fatal(err)
			}
			*side.entries = append(*side.entries, side.add(t, chat.Header{Kind: chat.KindText, Clock: clock}, body))
		}
	}
	all := slices.Concat(ours, theirs)
	mustApply(t, db, chat.Batch{
		Conversations: []chat.Conversation{between(alice, bob)},
		Entries:       all, Logs: []chat.Log{held(ours...), held(theirs...)},
	})
	slices.SortFunc(all, func(x, y chat.Entry) int { return x.Position().Compare(y.Position()) })
	return all
}

func ids(messages []Message) (list []uuid.UUID) {
	for _, m := range messages {
		list = append(list, m.ID)
	}
	return list
}

func entryIDs(entries []chat.Entry) (list []uuid.UUID) {
	for _, e := range entries {
		list = append(list, e.ID)
	}
	return list
}

// TestPages walks through a conversation in both directions, in pages of every
// size, and must meet each message once and in order.
func TestPages(t *testing.T) {
	db := mustOpen(t, newPath(t))
	all := dialogue(t, db, 40)
	conversation := all[0].Conversation
	for _, limit := range []int{1, 2, 7, 40, 100} {
		var back, forth []uuid.UUID
		var at *chat.Position
		for {
			page := mustRead(t, db, Page{Conversations: []peer.Hash{conversation}, Before: at, Limit: limit})
			if len(page) == 0 {
				break
			}
			back = append(ids(page), back...)
			p := page[0].Position()
			at = &p
		}
		at = &chat.Position{}
		for {
			page := mustRead(t, db, Page{Conversations: []peer.Hash{conversation}, After: at, Limit: limit})
			if len(page) == 0 {
				break
			}
			forth = append(forth, ids(page)...)
			p := page[len(page)-1].Position()
			at = &p
		}
		if want := entryIDs(all); !slices.Equal(back, want) || !slices.Equal(forth, want) {
			t.Errorf("pages of %d: %d back, %d forth, want %d in order", limit, len(back), len(forth), len(want))
		}
	}
	from, to := all[4].Position(), all[9].Position()
	if got := ids(mustRead(t, db, Page{Conversations: []peer.Hash{conversation}, After: &from, Before: &to})); !slices.Equal(got, entryIDs(all[5:9])) {
		t.Errorf("between two positions: %d messages, want 4", len(got))
	}
	if _, err := db.Messages(Page{}); err == nil {
		t.Error("a page of everything is not refused")
	}
}

func mustRead(t testing.TB, db *DB, p Page) []Message {
	t.Helper()
	messages, err := db.Messages(p)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

// TestReached compares with a search by hand, for random positions.
func TestReached(t *testing.T) {
	db := mustOpen(t, newPath(t))
	all := dialogue(t, db, 60)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		at := all[random.IntN(len(all))].Position()
		at.Clock += uint64(random.IntN(3))
		for _, key := range []chat.LogKey{all[0].LogKey(), all[len(all)-1].LogKey(), {Author: carol.ID(), Log: 1}} {
			var want uint64
			for _, e := range all {
				if e.LogKey() == key && e.Position().Compare(at) <= 0 {
					want = max(want, e.Number)
				}
			}
			if got, err := db.Reached(all[0].Conversation, key, at); got != want || err != nil {
				t.Fatalf("reached %d, %v, want %d", got, err, want)
			}
		}
	}
}

// TestShownOnce: what has the author and UUID of an earlier entry is kept, for
// others, but is no second line; another author's UUID is another message.
func TestShownOnce(t *testing.T) {
	db := mustOpen(t, newPath(t))
	first := &author{Identity: alice, with: bob, log: 1}
	second := &author{Identity: alice, with: bob, log: 2}
	theirs := &author{Identity: bob, with: alice, log: 3}
	original := first.write(t, "original words")
	copied := second.add(t, chat.Header{Kind: chat.KindText, ID: original.ID, Clock: original.Clock}, original.Body)
	forged := second.add(t, chat.Header{Kind: chat.KindText, ID: original.ID, Clock: start + 9}, theirBody(t, "forged words"))
	other := theirs.add(t, chat.Header{Kind: chat.KindText, ID: original.ID}, theirBody(t, "other words"))
	mustApply(t, db, chat.Batch{Conversations: []chat.Conversation{between(alice, bob)}, Entries: []chat.Entry{original, copied, forged, other}})

	for _, p := range []Page{{Conversations: []peer.Hash{original.Conversation}}, {Search: "words"}} {
		got := mustRead(t, db, p)
		if len(got) != 2 || got[0].Author == got[1].Author {
			t.Errorf("%+v: %d messages, want one of each author", p, len(got))
		}
	}
	if got := mustRead(t, db, Page{Search: "forged"}); len(got) != 0 {
		t.Error("a copy with other words is found")
	}
	places, err := db.Find(original.Conversation, original.Key())
	if want := []chat.Place{{Log: 1, Number: 1}, {Log: 2, Number: 1}, {Log: 2, Number: 2}}; !slices.Equal(places, want) || err != nil {
		t.Errorf("places %v, %v, want %v", places, err, want)
	}
}

func theirBody(t *testing.T, text string) []byte {
	t.Helper()
	body, err := peer.Marshal(chat.Text{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestStates follows one message of ours and one of theirs.
func TestStates(t *testing.T) {
	db := mustOpen(t, newPath(t))
	a := &author{Identity: alice, with: bob, log: db.Log()}
	b := &author{Identity: bob, with: alice, log: 5}
	ours, again := a.write(t, "ours"), &author{Identity: alice, with: bob, log: 77}
	theirs := b.write(t, "theirs")
	repeated := again.add(t, chat.Header{Kind: chat.KindText, ID: ours.ID, Clock: ours.Clock}, ours.Body)
	mustApply(t, db, chat.Batch{
		Conversations: []chat.Conversation{between(alice, bob)},
		Entries:       []chat.Entry{ours, theirs, repeated}, Logs: []chat.Log{held(ours), held(theirs), held(repeated)},
	})
	check := func(what string, id chat.EntryKey, delivered, read bool) {
		t.Helper()
		m, err := db.Message(id.Author, id.ID)
		if err != nil || m.Delivered != delivered || m.Read != read || m.Peer != chat.DeviceParty(bob.ID()) {
			t.Errorf("%s: delivered %v, read %v, with %v, %v; want %v, %v", what, m.Delivered, m.Read, m.Peer, err, delivered, read)
		}
	}
	seen := chat.Seen{Conversation: ours.Conversation, Peer: bob.ID(), LogKey: ours.LogKey(), First: 1, Last: 1}
	check("queued", ours.Key(), false, false)
	check("new", theirs.Key(), true, false)
	mustApply(t, db, chat.Batch{Seen: []chat.Seen{seen}})
	check("delivered", ours.Key(), true, false)
	seen.Read = 1
	read := held(theirs)
	read.Read = 1
	mustApply(t, db, chat.Batch{Seen: []chat.Seen{seen}, Logs: []chat.Log{read}})
	check("read", ours.Key(), true, true)
	check("seen", theirs.Key(), true, true)
	seen.Last = 0
	mustApply(t, db, chat.Batch{Seen: []chat.Seen{seen}})
	check("taken back", ours.Key(), false, false)
	copySeen := chat.Seen{Conversation: ours.Conversation, Peer: bob.ID(), LogKey: repeated.LogKey(), First: 1, Last: 1}
	mustApply(t, db, chat.Batch{Seen: []chat.Seen{copySeen}})
	check("delivered as a copy", ours.Key(), true, false)
	if m, err := db.Message(peer.ID{}, theirs.ID); err != nil || m.Author != bob.ID() {
		t.Errorf("by UUID alone: %s, %v", m.Author, err)
	}
	if _, err := db.Message(peer.ID{}, uuid.Max); !isUnknown(err) {
		t.Errorf("no such message: %v", err)
	}
}

func TestUnread(t *testing.T) {
	db := mustOpen(t, newPath(t))
	all := dialogue(t, db, 20)
	conversation := all[0].Conversation
	check := func(want int) {
		t.Helper()
		summaries, err := db.Summaries()
		if err != nil || len(summaries) != 1 || summaries[0].Unread != want || summaries[0].Peer != chat.DeviceParty(bob.ID()) {
			t.Errorf("%+v, %v, want %d unread", summaries, err, want)
		} else if newest := summaries[0].Newest.ID; newest != all[len(all)-1].ID {
			t.Errorf("newest is %s", newest)
		}
	}
	check(10)
	mustApply(t, db, chat.Batch{Conversations: []chat.Conversation{between(alice, carol)}})
	if summaries, err := db.Summaries(); err != nil || len(summaries) != 2 {
		t.Errorf("with an empty conversation: %+v, %v", summaries, err)
	}
	if _, err := db.write.conn.ExecContext(t.Context(), "DELETE FROM conversation WHERE peer = ?", carolKey()); err != nil {
		t.Fatal(err)
	}
	logs, err := db.Logs(conversation)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logs {
		l.Read = 4
		mustApply(t, db, chat.Batch{Logs: []chat.Log{l}})
	}
	check(6)
}

func carolKey() []byte {
	return chat.DeviceParty(carol.ID()).AppendTo(nil)
}

func TestSearch(t *testing.T) {
	db := mustOpen(t, newPath(t))
	a := &author{Identity: alice, with: bob, log: 1}
	c := &author{Identity: alice, with: carol, log: 1}
	var entries []chat.Entry
	for _, text := range []string{
		"The quick brown fox", "Grüße aus Köln", "明天的会议在三楼", "東京タワーへ行こう", "안녕하세요 여러분",
		"say \"yes\" OR NOT", "naïve café", "Ｆｕｌｌ ｗｉｄｔｈ", "emoji 🎉 party", "nul \x00 byte", "brown quick",
	} {
		entries = append(entries, a.write(t, text))
	}
	entries = append(entries, a.offer(t, "年度報告 2026 final.pdf"), c.write(t, "quick note to carol"))
	mustApply(t, db, chat.Batch{
		Conversations: []chat.Conversation{between(alice, bob), between(alice, carol)}, Entries: entries,
	})
	for query, want := range map[string][]int{
		"quick": {0, 10, 12}, "QUICK BROWN": {0}, "brown  quick": {10}, "qui": nil,
		"grusse": nil, "grüße": {1}, "koln": {1}, "cafe": {6}, "CAFÉ": {6},
		"会": {2}, "会议": {2}, "议会": nil, "三楼": {2}, "タワー": {3}, "京タ": {3}, "하세": {4},
		"yes OR not": {5}, `"yes"`: {5}, "* ) AND": nil, "full width": {7}, "party": {8}, "byte": {9}, "🎉": nil,
		"報告": {11}, "final.pdf": {11}, "PDF": {11}, "2026": {11},
	} {
		var wanted []uuid.UUID
		for _, i := range want {
			wanted = append(wanted, entries[i].ID)
		}
		got := ids(mustRead(t, db, Page{Search: query}))
		slices.SortFunc(got, compareIDs)
		slices.SortFunc(wanted, compareIDs)
		if !slices.Equal(got, wanted) {
			t.Errorf("search %q: %d messages, want %v", query, len(got), want)
		}
	}
	if got := mustRead(t, db, Page{Conversations: []peer.Hash{c.conversation()}, Search: "quick"}); len(got) != 1 || got[0].Peer != chat.DeviceParty(carol.ID()) {
		t.Errorf("in one conversation: %d messages, want 1", len(got))
	}
	before := entries[10].Position()
	if got := mustRead(t, db, Page{Conversations: []peer.Hash{a.conversation()}, Search: "quick", Before: &before}); len(got) != 1 || got[0].ID != entries[0].ID {
		t.Errorf("before the newest hit: %d messages, want 1", len(got))
	}
}

func compareIDs(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }

func FuzzSearch(f *testing.F) {
	db := mustOpen(f, newPath(f))
	for _, seed := range []string{"fox", `"`, "会议", "a AND b", "text : x", "NEAR(a b)", "*", "\x00", "^a", "ａ̈", "-x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := db.Messages(Page{Search: text + "x", Conversations: []peer.Hash{{1}}}); err != nil {
			t.Error(err)
		}
	})
}
