package engine

// matches is LIKE with %, _, [set] and [^set]. It looks back only to the last %,
// so no pattern takes more than the product of both lengths.
func matches(text, pattern []rune, escape rune) bool {
	t, p := 0, 0
	backText, backPattern := -1, -1
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '%' && escape != '%' {
			backText, backPattern = t, p+1
			p++
			continue
		}
		if n, ok := one(text[t], pattern[p:], escape); ok {
			t++
			p += n
			continue
		}
		if backText < 0 {
			return false
		}
		backText++
		t, p = backText, backPattern
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

// one matches a single character and says how much of the pattern it took.
func one(c rune, pattern []rune, escape rune) (int, bool) {
	if len(pattern) == 0 {
		return 0, false
	}
	switch {
	case escape != 0 && pattern[0] == escape && len(pattern) > 1:
		return 2, pattern[1] == c
	case pattern[0] == '_':
		return 1, true
	case pattern[0] == '[':
		return set(c, pattern)
	}
	return 1, pattern[0] == c
}

func set(c rune, pattern []rune) (int, bool) {
	at, not := 1, false
	if at < len(pattern) && pattern[at] == '^' {
		not = true
		at++
	}
	hit := false
	for first := true; at < len(pattern) && (pattern[at] != ']' || first); first = false {
		low, high := pattern[at], pattern[at]
		if at+2 < len(pattern) && pattern[at+1] == '-' && pattern[at+2] != ']' {
			high = pattern[at+2]
			at += 2
		}
		hit = hit || c >= low && c <= high
		at++
	}
	if at >= len(pattern) { // not closed: a bracket like any other character
		return 1, c == '['
	}
	return at + 1, hit != not
}
