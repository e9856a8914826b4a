package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
)

// This file reads the three files of a database without SQLite, so that it can
// be judged before anything is changed. The formats are those of
// https://www.sqlite.org/fileformat2.html and walformat.html.

const (
	headerSize      = 100
	walHeaderSize   = 32
	frameHeaderSize = 24
	walVersion      = 3007000
	walMagic        = 0x377f0682 // the last bit: checksums in big-endian words
)

var sqliteMagic = []byte("SQLite format 3\x00")

// found is what lies at a database's path.
type found struct {
	size    int64 // of the database file, -1 when there is none
	wal     bool  // there is a -wal file: whoever had it open did not close it
	ours    bool  // the header is whole and carries our application id
	blank   bool  // nothing was ever written, or a first start was cut short
	schema  int64 // the version of the schema, from the header or the log
	lost    bool  // commits that were acknowledged are missing at the end of the log
	suspect bool  // the last run met damage
}

// inspect looks at the files of the database at path and changes none.
func inspect(path string) (found, error) {
	f := found{size: -1, wal: exists(path + "-wal"), suspect: exists(path + suspectSuffix)}
	head, size, err := readHead(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	log, err := readWAL(path + "-wal")
	if err != nil {
		return f, err
	}
	if log.pageOne != nil { // newer than what is in the database file
		head = log.pageOne
	}
	index, err := readIndex(path + "-shm")
	if err != nil {
		return f, err
	}
	f.size, f.lost = size, index.misses(log)
	f.judge(head)
	return f, nil
}

// judge reads the database's header (the first 100 bytes).
func (f *found) judge(head []byte) {
	if f.size == 0 && len(head) == 0 {
		f.blank = true
		return
	}
	if len(head) < headerSize || !bytes.HasPrefix(head, sqliteMagic) || binary.BigEndian.Uint16(head[16:]) != pageSize {
		return
	}
	if !f.wal && binary.BigEndian.Uint32(head[24:]) == binary.BigEndian.Uint32(head[92:]) &&
		int64(binary.BigEndian.Uint32(head[28:]))*pageSize > f.size {
		return // cut off; with a -wal file the missing pages may be in there
	}
	application := binary.BigEndian.Uint32(head[68:])
	f.schema = int64(int32(binary.BigEndian.Uint32(head[60:])))
	f.blank = application == 0 && f.schema == 0
	f.ours = application == applicationID && f.schema > 0
}

// readHead reads up to 100 bytes from the beginning of the file.
func readHead(path string) (head []byte, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	head, err = io.ReadAll(io.LimitReader(f, headerSize))
	return head, info.Size(), err
}

// wal is what holds together of a write-ahead log: the frames up to the last
// commit whose checksums are right.
type wal struct {
	salt    [8]byte // new whenever the log begins anew
	whole   bool    // the header is right
	frames  uint32
	pageOne []byte // the newest first 100 bytes of the database, nil when not in it
}

func readWAL(path string) (wal, error) {
	var w wal
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	defer f.Close()
	return w, w.read(bufio.NewReaderSize(f, 64<<10))
}

func (w *wal) read(r io.Reader) error {
	head := make([]byte, walHeaderSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return ignoreEnd(err)
	}
	magic := binary.BigEndian.Uint32(head)
	if magic&^1 != walMagic || binary.BigEndian.Uint32(head[4:]) != walVersion || binary.BigEndian.Uint32(head[8:]) != pageSize {
		return nil
	}
	sum := walSum{order: binary.LittleEndian}
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	}
	sum.add(head[:24])
	w.salt = [8]byte(head[16:24])
	w.whole = sum.is(head[24:])
	if !w.whole {
		return nil
	}
	return w.readFrames(r, sum)
}

func (w *wal) readFrames(r io.Reader, sum walSum) error {
	var pageOne []byte // seen, but not committed yet
	frame := make([]byte, frameHeaderSize+pageSize)
	for n := uint32(1); ; n++ {
		if _, err := io.ReadFull(r, frame); err != nil {
			return ignoreEnd(err)
		}
		sum.add(frame[:8])
		sum.add(frame[frameHeaderSize:])
		if [8]byte(frame[8:16]) != w.salt || !sum.is(frame[16:24]) {
			return nil // what follows is of an earlier round, or torn
		}
		if binary.BigEndian.Uint32(frame) == 1 {
			pageOne = bytes.Clone(frame[frameHeaderSize : frameHeaderSize+headerSize])
		}
		if binary.BigEndian.Uint32(frame[4:]) != 0 { // the last frame of a commit
			w.frames, w.pageOne = n, pageOne
		}
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// walSum is the running checksum of a write-ahead log.
type walSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (s *walSum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		s.s0 += s.order.Uint32(b) + s.s1
		s.s1 += s.order.Uint32(b[4:]) + s.s0
	}
}

func (s *walSum) is(stored []byte) bool {
	return binary.BigEndian.Uint32(stored) == s.s0 && binary.BigEndian.Uint32(stored[4:]) == s.s1
}

// walIndex is what the -shm file that a killed process left says about its log.
// SQLite writes it after the log was fsynced, so it never knows of more commits
// than the log holds, unless the log was cut.
type walIndex struct {
	frames uint32 // up to the last commit
	copied uint32 // of them are in the database file too
	salt   [8]byte
}

func readIndex(path string) (walIndex, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return walIndex{}, nil
	}
	if err != nil {
		return walIndex{}, err
	}
	defer f.Close()
	b := make([]byte, 100) // two equal headers of 48 bytes, then how far the copying is
	if _, err := io.ReadFull(f, b); err != nil {
		return walIndex{}, ignoreEnd(err)
	}
	return parseIndex(b), nil
}

// parseIndex takes the first 100 bytes of a -shm file, whose numbers are in the
// machine's byte order. An index that is not whole says nothing.
func parseIndex(b []byte) walIndex {
	native := binary.NativeEndian
	sum := walSum{order: nativeOrder{}}
	sum.add(b[:40])
	if !bytes.Equal(b[:48], b[48:96]) || native.Uint32(b) != walVersion ||
		native.Uint32(b[40:]) != sum.s0 || native.Uint32(b[44:]) != sum.s1 {
		return walIndex{}
	}
	return walIndex{
		frames: native.Uint32(b[16:]),
		salt:   [8]byte(b[32:40]),
		copied: native.Uint32(b[96:]),
	}
}

// nativeOrder lets [walSum] read words as this machine writes them.
type nativeOrder struct{ binary.ByteOrder }

func (nativeOrder) Uint32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// misses reports whether the log lacks commits that the index knows of.
// An index of another round of the log may simply be old (it is never fsynced,
// so a power cut may bring an old one back) and is believed only when there is
// no log at all.
func (x walIndex) misses(log wal) bool {
	if x.frames <= x.copied {
		return false
	}
	return !log.whole || log.salt == x.salt && log.frames < x.frames
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
