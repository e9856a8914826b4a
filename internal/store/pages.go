package store

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
)

// This file finds the rows of tables in the pages of a database without its
// structure, which may be damaged: a leaf page says by itself what rows are on
// it. The format is that of https://www.sqlite.org/fileformat2.html.

const (
	leafPage       = 0x0d     // of a table
	leafHeaderSize = 8        // of such a page, followed by an offset for each row
	maxRow         = 64 << 10 // above any entry; more is damage, or of no use here
	maxColumns     = 64
)

// pages are all images of pages in a database and its -wal file.
type pages struct {
	database, wal *os.File // nil when missing
	count         int64    // in the database
	newest        map[uint32]int64
	frames        int64
}

// openPages opens the database at path, of which the -wal file or the database
// itself may be missing.
func openPages(path string) (p *pages, err error) {
	p = &pages{newest: make(map[uint32]int64)}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.database, p.count, err = openUnits(path, 0, pageSize); err != nil {
		return nil, err
	}
	if p.wal, p.frames, err = openUnits(path+"-wal", walHeaderSize, frameHeaderSize+pageSize); err != nil {
		return nil, err
	}
	for n := range p.frames {
		var number [4]byte
		if _, err := p.wal.ReadAt(number[:], frameOffset(n)); err != nil {
			return nil, err
		}
		p.newest[binary.BigEndian.Uint32(number[:])] = n
	}
	return p, nil
}

// openUnits opens a file that has so many whole units of that size.
func openUnits(path string, head, size int64) (*os.File, int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, max(0, (info.Size()-head)/size), nil
}

func (p *pages) close() {
	for _, f := range []*os.File{p.database, p.wal} {
		if f != nil {
			f.Close() // was only read
		}
	}
}

func frameOffset(n int64) int64 { return walHeaderSize + n*(frameHeaderSize+pageSize) }

// each calls visit with every image: of the -wal file first, because its images
// are newer. The image is valid during the call.
func (p *pages) each(visit func(page []byte) error) error {
	page := make([]byte, pageSize)
	for n := p.frames - 1; n >= 0; n-- {
		if _, err := p.wal.ReadAt(page, frameOffset(n)+frameHeaderSize); err != nil {
			return err
		}
		if err := visit(page); err != nil {
			return err
		}
	}
	for n := range p.count {
		if _, err := p.database.ReadAt(page, n*pageSize); err != nil {
			return err
		}
		if err := visit(page); err != nil {
			return err
		}
	}
	return nil
}

// read reads the newest image of a page; false when there is none.
func (p *pages) read(number uint32, page []byte) bool {
	if n, ok := p.newest[number]; ok {
		_, err := p.wal.ReadAt(page, frameOffset(n)+frameHeaderSize)
		return err == nil
	}
	if number == 0 || int64(number) > p.count {
		return false
	}
	_, err := p.database.ReadAt(page, (int64(number)-1)*pageSize)
	return err == nil
}

// row is one row of some table: its rowid and its columns, nil where a column is
// NULL or a number.
type row struct {
	id      int64
	columns [][]byte
}

// rows are those rows on a page that hold together; none when it is no leaf.
func (p *pages) rows(page []byte) []row {
	if page[0] != leafPage {
		return nil
	}
	var rows []row
	for i := range int(binary.BigEndian.Uint16(page[3:])) {
		at := leafHeaderSize + 2*i
		if at+2 > len(page) {
			break
		}
		start := int(binary.BigEndian.Uint16(page[at:]))
		if start >= len(page) {
			continue
		}
		if r, ok := p.row(page[start:]); ok {
			rows = append(rows, r)
		}
	}
	return rows
}

// row reads the row at the beginning of cell, which reaches to the page's end.
func (p *pages) row(cell []byte) (row, bool) {
	size, n := varint(cell)
	id, m := varint(cell[n:])
	if n == 0 || m == 0 || size > maxRow {
		return row{}, false
	}
	record, ok := p.payload(cell[n+m:], int(size))
	if !ok {
		return row{}, false
	}
	columns, ok := columnsOf(record)
	return row{id: int64(id), columns: columns}, ok
}

// payload joins what is in the cell with what spilled onto other pages.
func (p *pages) payload(cell []byte, size int) ([]byte, bool) {
	const most, least = pageSize - 35, (pageSize-12)*32/255 - 23 // kept in the cell
	local := size
	if size > most {
		if local = least + (size-least)%(pageSize-4); local > most {
			local = least
		}
	}
	if local > len(cell) || local < size && local+4 > len(cell) {
		return nil, false
	}
	payload := append(make([]byte, 0, size), cell[:local]...)
	if local == size {
		return payload, true
	}
	page := make([]byte, pageSize)
	next := binary.BigEndian.Uint32(cell[local:])
	for len(payload) < size {
		if !p.read(next, page) {
			return nil, false
		}
		payload = append(payload, page[4:4+min(pageSize-4, size-len(payload))]...)
		next = binary.BigEndian.Uint32(page)
	}
	return payload, true
}

// columnsOf cuts a record into its columns.
func columnsOf(record []byte) ([][]byte, bool) {
	head, n := varint(record)
	if n == 0 || head > uint64(len(record)) || head < uint64(n) {
		return nil, false
	}
	types, body := record[n:head], record[head:]
	var columns [][]byte
	for len(types) > 0 {
		kind, n := varint(types)
		size := columnSize(kind)
		if n == 0 || size > uint64(len(body)) || len(columns) == maxColumns {
			return nil, false
		}
		var column []byte
		if kind >= 12 {
			column = body[:size:size]
		}
		columns = append(columns, column)
		types, body = types[n:], body[size:]
	}
	return columns, len(body) == 0
}

// columnSize is the length of a column of that serial type.
func columnSize(kind uint64) uint64 {
	if kind >= 12 {
		return (kind - 12) / 2
	}
	return [12]uint64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0}[kind]
}

// varint reads SQLite's variable-length integer: big-endian, seven bits a byte,
// all eight of the ninth. The length is 0 where b ends too early.
func varint(b []byte) (v uint64, length int) {
	for i, c := range b[:min(9, len(b))] {
		if i == 8 {
			return v<<8 | uint64(c), 9
		}
		v = v<<7 | uint64(c&0x7f)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}
