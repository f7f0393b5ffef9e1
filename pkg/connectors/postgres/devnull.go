package postgres

import "os"

// devNull is a file that exists and is empty on every system.
const devNull = os.DevNull
