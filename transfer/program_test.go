package transfer_test

import (
	"testing"

	"earshot/transfer"
)

func TestProgramsAreKnownByTheirNames(t *testing.T) {
	for _, name := range []string{
		"setup.exe", "SETUP.EXE", "report.pdf.scr", "photo\u202egnp.exe", "run.sh", "a.desktop", "Installer.msi", "x.lnk", "a.b.jar", "王.ps1",
	} {
		if !transfer.IsProgramName(name) {
			t.Errorf("%q is not marked", name)
		}
	}
	for _, name := range []string{"report.pdf", "exe", "photo.png", "notes.sh.txt", "setup.exe_", "", ".", "archive.zip"} {
		if transfer.IsProgramName(name) {
			t.Errorf("%q is marked", name)
		}
	}
}
