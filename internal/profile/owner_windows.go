package profile

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// ownerOnly takes everybody else's access to a folder away: an access list that
// names its owner and the system, and that what is made in it inherits.
func ownerOnly(dir string) error {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("find the owner of this process: %w", err)
	}
	list, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;" + user.User.Sid.String() + ")(A;OICI;FA;;;SY)")
	if err != nil {
		return fmt.Errorf("make an access list: %w", err)
	}
	dacl, _, err := list.DACL()
	if err != nil {
		return fmt.Errorf("make an access list: %w", err)
	}
	const replace = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, replace, nil, nil, dacl, nil)
}

// checkOwned refuses what is no folder. The temporary folder belongs to the user
// here, so nobody else can have made it.
func checkOwned(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder; remove it", dir)
	}
	return err
}

// isRefused reports whether nobody listens where somebody dialled.
func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// userID names the user in the name of a folder.
func userID() string {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "user"
	}
	return user.User.Sid.String()
}
