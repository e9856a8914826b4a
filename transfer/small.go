package transfer

import "earshot/peer"

// This file writes small files, several at once.

// isSmall reports whether a file came whole in one piece.
func (a *arrival) isSmall() bool {
	return a.at == 0 && a.offset == 0 && a.file.Size == int64(a.size) && a.size < peer.PieceSize && !a.repair && a.plan == nil
}

// small are those of the pieces that came first that are small files, without
// others between them that are here already.
func (p *pull) small(pieces []arrival) []arrival {
	n := 0
	for n < len(pieces) && pieces[n].isSmall() && p.open[n].from == fromSender {
		n++
	}
	return pieces[:n]
}

// takeSmall writes small files and keeps them.
func (p *pull) takeSmall(files []arrival) error {
	if err := p.land.writeSmall(files); err != nil {
		return err
	}
	for i := range files {
		if err := p.taken(&files[i]); err != nil {
			return err
		}
	}
	return nil
}

// writeSmall writes small files. They count from [landing.written] on.
func (l *landing) writeSmall(files []arrival) error {
	if err := l.closePart(false); err != nil {
		return err
	}
	names := make([]string, len(files))
	for i := range files {
		names[i] = partOf(l.id, files[i].file)
		l.saver.wrote(names[i], files[i].size)
	}
	return byHands(len(files), func(hand, i int) error { return l.hands[hand].write(l, &files[i], names[i]) })
}

// hand writes small files in a goroutine of its own.
type hand struct{ folder }

func (h *hand) write(l *landing, got *arrival, name string) error {
	data := got.data
	if data == nil {
		l.moved.empty.Add(int64(got.size))
		data = zeros[:got.size]
	}
	return h.within(l.disk, name, func(base string) error {
		out, made, err := createOrOpen(h, base, permOf(got.file))
		if err != nil {
			return err
		}
		if !made {
			err = out.Truncate(0)
		}
		if err == nil {
			_, err = out.WriteAt(data, 0)
		}
		if err != nil {
			out.Close()
			return err
		}
		return h.CloseAs(out, base, got.file.Time)
	})
}
