package peer

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// ownerOnly takes everybody else's access to a file away: mode bits mean
// nothing here, so it gets an access list of its own that names its owner and
// the system, and inherits nothing.
func ownerOnly(path string) error {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("find the owner of this process: %w", err)
	}
	list, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;" + user.User.Sid.String() + ")(A;;FA;;;SY)")
	if err != nil {
		return fmt.Errorf("make an access list: %w", err)
	}
	dacl, _, err := list.DACL()
	if err != nil {
		return fmt.Errorf("make an access list: %w", err)
	}
	const replace = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, replace, nil, nil, dacl, nil)
	if err != nil {
		return fmt.Errorf("protect %s: %w", path, err)
	}
	return nil
}

// syncDir does nothing: Windows has no way to make a name durable, NTFS keeps
// a journal of them.
func syncDir(string) error { return nil }
