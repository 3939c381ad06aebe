/** The local content store. */
export const storeErrors = {}
