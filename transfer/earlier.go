package transfer

import (
	"cmp"
	"slices"
	"time"
)

// What was received is remembered for a while, file by file: so that what a person
// sends again is recognised, and of a newer version only what changed is sent.

const (
	// maxEarlier is how many transfers of a peer into one folder are remembered, and
	// maxEarlierFiles how many files in all of them.
	maxEarlier      = 20
	maxEarlierFiles = 200_000
	// keepParts is how long unfinished files are kept after a transfer failed since
	// its source had changed: who sends again sends the rest.
	keepParts = 14 * 24 * time.Hour
)

// earlier are the transfers with which that of a job is compared, the newest first.
func (e *Engine) earlier(j *job) (all []Transfer) {
	e.eachWith(j.t.Peer, func(other *job) {
		if other != j && other.t.Listed && other.t.Dir == j.t.Dir && e.keeps(other) {
			all = append(all, other.t)
		}
	})
	slices.SortFunc(all, func(a, b Transfer) int { return b.Offered.Compare(a.Offered) })
	files := int64(0)
	for i := range all { // of those that failed there may be any number
		if files += all[i].Entries; i == maxEarlier || files > maxEarlierFiles {
			return all[:i]
		}
	}
	return all
}

// keeps reports whether the files of a final transfer stay remembered, and with them
// the parts of one that failed.
func (e *Engine) keeps(j *job) bool {
	if j.keepsList() {
		return true
	}
	if j.t.Direction != Receiving || !j.t.Listed || j.t.Entries > maxEarlierFiles {
		return false
	}
	failed := j.t.State == Failed && j.t.Reason == SourceChanged && j.t.Done > 0
	if j.t.State != Done && !failed || failed && time.Since(j.t.Offered) > keepParts {
		return false
	}
	newer, files := 0, j.t.Entries
	again := false // it came whole later
	e.eachWith(j.t.Peer, func(other *job) {
		t := other.t
		if t.Direction != Receiving || t.State != Done || t.Dir != j.t.Dir || compareOffered(t, j.t) <= 0 {
			return
		}
		newer++
		files += t.Entries
		again = again || t.Name == j.t.Name
	})
	return newer < maxEarlier && files <= maxEarlierFiles && !(failed && again)
}

// compareOffered orders transfers by age.
func compareOffered(a, b Transfer) int {
	return cmp.Or(a.Offered.Compare(b.Offered), slices.Compare(a.ID[:], b.ID[:]))
}
