package chat

import (
	"time"

	"earshot/peer"
)

// The limits of conversations.
const (
	// MaxText is the longest text of a message, in bytes of UTF-8.
	MaxText = 32 << 10

	// maxHeader and maxBody bound an entry so that one always fits into a frame.
	// A header has about 190 bytes; other kinds than texts may have more to say.
	maxHeader = 512
	maxBody   = 48 << 10

	// frameRoom is what the entries or ranges in one frame may come to: the
	// frame less what surrounds them.
	frameRoom = peer.ControlFrame - 64
	// entryExtra and logExtra are at most what an entry or a log needs in a
	// frame beside its bytes: array and string heads, numbers, keys.
	entryExtra = 16
	logExtra   = 128

	// window is how many entries are asked for at a time of one log: enough to
	// keep the line busy, and what a broken session wasted is small.
	window = 1024

	// liveRate and liveBurst bound live entries of a peer, in entries a second;
	// what was asked for does not count. Beyond them the peer is read slower.
	liveRate  = 20
	liveBurst = 60
	// maxDelay bounds how long one message is held back for that. What a
	// session reads ahead comes to less, even in the shortest entries.
	maxDelay = time.Minute

	// maxLogs bounds the logs of a conversation: one comes with each database
	// and each fork, so real ones have a handful.
	maxLogs = 4096
	// maxStrangerLogs bounds what is remembered of a stranger's vector: it may
	// write few entries, and strangers may be many.
	maxStrangerLogs = 64

	// What a stranger may write before the person answers, and how many strangers
	// may do so, in all and from one [Conversation.Origin]: a machine makes new
	// keys faster than it gets new addresses. When full, later ones are left
	// waiting; nobody is put out.
	strangerEntries   = 20
	strangerBytes     = 64 << 10
	strangerOffers    = 4
	maxRequests       = 2000
	maxOriginRequests = 32

	// minSendRetry is when a full send queue is tried again; it empties faster
	// only on an idle network. Each time it is still full the wait doubles.
	minSendRetry = 10 * time.Millisecond
	maxSendRetry = 320 * time.Millisecond
	// storeRetry is when entries that the store could not take are asked for
	// again.
	storeRetry = 5 * time.Second
)
