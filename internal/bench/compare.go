package main

import (
	"fmt"
	"time"
)

// contender is one way to get the source across.
type contender struct {
	name  string
	tools []tool // what it needs
	// open starts what has to run already, and returns what makes one run.
	open func() func() sample
}

// ours is the name of the contender that the others are compared with.
const ours = "Earshot"

// comparison is what the contenders took, in the order of their names.
type comparison struct {
	names   []string
	samples map[string][]sample
}

// compare lets the contenders that are installed take turns: each once in a
// round. The first round warms up and is not counted.
func (b *bench) compare(all []contender) comparison {
	c := comparison{samples: map[string][]sample{}}
	var runs []func() sample
	for _, one := range all {
		if missing := lacks(one.tools); missing != "" {
			b.tell("%s is left out: apt-get install %s brings it", one.name, missing)
			continue
		}
		c.names, runs = append(c.names, one.name), append(runs, one.open())
	}
	for round := range b.rounds + 1 {
		for i, name := range c.names {
			s := runs[i]()
			b.tell("round %d of %d: %s: %s s", round, b.rounds, name, figure(s.wall.Seconds()))
			if round > 0 {
				c.samples[name] = append(c.samples[name], s)
			}
		}
	}
	return c
}

// amount is what the contenders' time and processor time is divided by.
type amount struct {
	speed string // the unit: "MB/s"
	of    float64
	cost  string // the unit: "CPU s/GB"
	per   float64
}

// table compares the contenders, one row each.
func (c comparison) table(title string, a amount, note string) table {
	t := table{title: title, note: note, head: []string{
		"", "s", a.speed, "Earshot's speed to it", a.cost, "Earshot's CPU to it", "peak memory, MB: sender, receiver"}}
	for _, name := range c.names {
		mine, its := c.samples[ours], c.samples[name]
		row := []string{name, spreadAll(its, seconds).String(), spreadAll(its, func(s sample) float64 { return a.of / seconds(s) }).String()}
		cost := spreadAll(its, func(s sample) float64 { return s.cpu.Seconds() / a.per }).String()
		if name == ours {
			t.add(append(row, "1", cost, "1", peaks(its))...)
			t.add("the whole `earshot send`", spreadAll(its, whole).String(), spreadAll(its, func(s sample) float64 { return a.of / whole(s) }).String(), "", "", "", "")
			continue
		}
		t.add(append(row, ratios(its, mine, seconds).String(), cost, ratios(mine, its, processor).String(), "")...)
	}
	return t
}

func seconds(s sample) float64   { return s.wall.Seconds() }
func whole(s sample) float64     { return s.whole.Seconds() }
func processor(s sample) float64 { return max(s.cpu, time.Millisecond).Seconds() }

// spreadAll is the spread of one figure of all samples.
func spreadAll(samples []sample, of func(sample) float64) spread {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return spreadOf(values)
}

// ratios divides a by b, each with what ran in the same round.
func ratios(a, b []sample, of func(sample) float64) spread {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = of(a[i]) / of(b[i])
	}
	return spreadOf(values)
}

// peaks is the most memory of any run.
func peaks(samples []sample) string {
	return fmt.Sprintf("%s, %s",
		megabytes(spreadAll(samples, func(s sample) float64 { return float64(s.sender) }).max),
		megabytes(spreadAll(samples, func(s sample) float64 { return float64(s.receiver) }).max))
}

func megabytes(bytes float64) string { return figure(bytes / 1e6) }
