/** Configuration that cannot be used. */
export const configErrors = {}
