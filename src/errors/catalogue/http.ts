/** Requests that the API refuses. */
export const httpErrors = {}
