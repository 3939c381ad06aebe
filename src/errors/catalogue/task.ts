/** Tasks of the queue. */
export const taskErrors = {}
