package ui

import "golang.org/x/sys/windows"

// systemLanguage is the language of the desktop, such as "zh-CN".
func systemLanguage() string {
	languages, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil || len(languages) == 0 {
		return ""
	}
	return languages[0]
}
