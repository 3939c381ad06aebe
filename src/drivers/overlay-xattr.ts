/** Attributes by which an overlay marks its own whiteouts and directories: in a layer they would be obeyed. */
export const OVERLAY_XATTR = /^(?:trusted|user)\.overlay\./
