package discovery

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// surveyEvery is how often the interfaces and the siblings are looked at.
const surveyEvery = 2 * time.Second

// survey is what the machine looks like.
type survey struct {
	links    []link
	failed   bool // the links could not be listed
	siblings []Sibling
	slept    bool // the machine did, before this
}

// watch looks at the machine until ctx ends, and tells the loop. It is a
// goroutine of its own because it reads files and lists interfaces.
func (r *run) watch(ctx context.Context) {
	s := survey{}
	for {
		r.inspect(&s)
		select {
		case r.surveys <- s:
		case <-ctx.Done():
			return
		}
		before, timer := time.Now(), time.NewTimer(surveyEvery)
		select {
		case <-timer.C:
		case <-r.look:
		case <-ctx.Done():
		}
		timer.Stop()
		s = survey{slept: slept(before, time.Now(), surveyEvery)}
	}
}

// inspect fills in a survey.
func (r *run) inspect(s *survey) {
	cfg := &r.finder.cfg
	links, err := cfg.network.links(cfg.Interfaces)
	s.links, s.failed = links, err != nil
	if cfg.Siblings != nil {
		s.siblings = cfg.Siblings()
	}
}

// survey takes in what the machine looks like.
func (r *run) survey(s survey) {
	now := time.Now()
	changed := s.slept
	if !s.failed && r.rearrange(s.links, now) {
		changed = true
	}
	r.table.siblings(r.others(s.siblings, now), now)
	if changed && r.surveyed {
		r.table.doubt(now)
		r.finder.cfg.Notify(NetworkChanged{})
	}
	if changed {
		r.begin(now)
	}
	r.retry(now)
	r.surveyed = true
}

// others are the siblings that are not this device; one that claims to be is told.
func (r *run) others(siblings []Sibling, now time.Time) (others []Sibling) {
	for _, s := range siblings {
		if s.ID == r.self.ID {
			r.claimedHere(s, now)
		} else {
			others = append(others, s)
		}
	}
	return others
}

// rearrange brings the stations in line with the links. It reports whether it
// had to.
func (r *run) rearrange(links []link, now time.Time) (changed bool) {
	wanted := map[string]link{}
	for _, l := range links {
		wanted[l.key()] = l
	}
	for key, s := range r.stations {
		if _, ok := wanted[key]; !ok {
			s.close()
			delete(r.stations, key)
			changed = true
		}
	}
	for key, l := range wanted {
		if r.stations[key] == nil {
			r.stations[key] = &station{link: l, zone: newZone(r.kind, &r.crowd), retryAt: now}
			changed = true
		}
	}
	if changed {
		r.links = links
		r.setZones()
	}
	return changed
}

// retry opens what could not be opened before.
func (r *run) retry(now time.Time) {
	for _, s := range r.stations {
		if s.retryAt.IsZero() || now.Before(s.retryAt) {
			continue
		}
		if s.open(r.finder.cfg.network, r.enqueue) {
			s.begin(now)
		}
		s.retryAt = time.Time{}
		if s.err != nil {
			s.retryAt = now.Add(retryEvery)
			r.finder.cfg.Log.Debug("discovery: open socket", "interface", s.link.ifi.Name, "err", s.err)
		}
	}
}

// setZones gives every station the records of this device, or server, as it is now.
func (r *run) setZones() {
	for _, s := range r.stations {
		if err := s.zone.set(r.announced(s.link)); err != nil {
			r.finder.cfg.Log.Warn("discovery: announce", "interface", s.link.ifi.Name, "err", err)
		}
	}
}

// announced is what others on a link are told: the addresses there and, in TXT, all.
func (r *run) announced(l link) announced {
	if r.finder.cfg.beacon != nil {
		return r.finder.cfg.beacon.announced(l, r.links)
	}
	t := text{id: r.self.ID, instance: r.self.Instance, name: r.self.Name, addrs: routed(r.links)}
	return announced{label: r.label, port: r.self.Port, addrs: l.addrs(), txt: t.strings()}
}

// routed are the addresses of links that can be reached through routers.
func routed(links []link) (addrs []netip.Addr) {
	for _, l := range links {
		for _, a := range l.addrs() {
			if !a.IsLinkLocalUnicast() {
				addrs = append(addrs, a)
			}
		}
	}
	return addrs
}

// checkHealth finds out what keeps us from finding others: one good link is
// enough.
func (r *run) checkHealth() {
	if !r.surveyed {
		return
	}
	sentence := "no network: looking for a cable or Wi-Fi"
	for _, key := range slices.Sorted(maps.Keys(r.stations)) {
		sentence = r.stations[key].trouble()
		if sentence == "" {
			break
		}
	}
	if r.finder.setHealth(sentence) {
		r.finder.cfg.Log.Info("discovery: network", "trouble", sentence)
	}
}
