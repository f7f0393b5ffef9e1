package failover

import "strings"

// Identifier is the name that an identifier stands for, as the documentation of
// identifier requirements says: without quotes it is stored in upper case, in
// quotes as it is written.
func Identifier(text string) string {
	if len(text) >= 2 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) {
		return strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
	}
	return strings.ToUpper(text)
}

// splitName reads ORG.ACCOUNT.OBJECT, ORG.ACCOUNT or ACCOUNT. An object's name may
// hold dots itself, and quotes around it are not part of it.
func splitName(text string) (org, object, account string) {
	parts := strings.SplitN(text, ".", 3)
	switch len(parts) {
	case 3:
		return parts[0], unquote(parts[2]), parts[1]
	case 2:
		return parts[0], "", parts[1]
	default:
		return "", "", parts[0]
	}
}

func unquote(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return name
}

// equalName compares names of accounts, regions and organizations, which have no
// case.
func equalName(a, b string) bool { return strings.EqualFold(a, b) }

// afterDot is a region without its region group: AWS_EU_WEST_3 of
// PUBLIC.AWS_EU_WEST_3.
func afterDot(region string) string {
	return region[strings.LastIndex(region, ".")+1:]
}

// sameAccount compares names of accounts where one may be part of a host name,
// in which an underscore is written as a hyphen.
func sameAccount(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "_", "-"), strings.ReplaceAll(b, "_", "-"))
}

// named reports whether ORG.ACCOUNT or ORG.ACCOUNT.OBJECT is about an account.
func (s Self) named(text string) bool {
	org, _, account := splitName(text)
	return equalName(account, s.Name) && (org == "" || equalName(org, s.Organization))
}

// listed reports whether an entry of a list of accounts is this one. Entries are
// ORG.ACCOUNT, and published samples show a third part, which is not compared.
func (s Self) listed(entry string) bool {
	org, _, account := splitName(entry)
	return equalName(account, s.Name) && equalName(org, s.Organization)
}
