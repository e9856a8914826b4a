package transfer

import (
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// basicInfo is FILE_BASIC_INFO; times count 100 ns since 1601.
type basicInfo struct {
	CreationTime, LastAccessTime, LastWriteTime, ChangeTime int64
	FileAttributes                                          uint32
	_                                                       uint32
}

// stampOf asks for ChangeTime, which, unlike the time of the last write, no
// program can put back.
func stampOf(f *os.File, _ fs.FileInfo) (Stamp, error) {
	handle := windows.Handle(f.Fd())
	var basic basicInfo
	err := windows.GetFileInformationByHandleEx(handle, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)), uint32(unsafe.Sizeof(basic)))
	if err != nil {
		return Stamp{}, fmt.Errorf("change time of %s: %w", f.Name(), err)
	}
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(handle, &info); err != nil {
		return Stamp{}, fmt.Errorf("index of %s: %w", f.Name(), err)
	}
	return Stamp{
		Changed: basic.ChangeTime,
		Device:  uint64(info.VolumeSerialNumber),
		Inode:   uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow),
	}, nil
}
