/**
 * Resolves when all that goes on by promises and by the next turns of the event loop has come to rest, as a queue does
 * with a store in memory.
 */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
}
