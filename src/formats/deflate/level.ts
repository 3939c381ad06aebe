/** Levels of libdeflate: 1 is the fastest, 12 the smallest. */
export const MIN_LEVEL = 1
export const MAX_LEVEL = 12

/** As small as upstream's level 9, at 1.1 to 1.5 times the speed of zlib's level 6. Figures: docs/decisions/004-deflate.md. */
export const DEFAULT_LEVEL = 4
