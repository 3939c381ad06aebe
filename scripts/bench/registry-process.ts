/**
 * Runs the embedded registry for the benchmark, in a process of its own so that its work counts for nobody: sends where
 * it is, and ends, with all it holds, when the benchmark does.
 */
import { startTestRegistry } from '../../src/testing/registry/test-registry.ts'

/** The only message. */
export interface RegistryStarted {
  /** `127.0.0.1:port`. */
  host: string
  /** Where the blobs are. */
  directory: string
}

// Ctrl-C goes to all processes of a terminal; what still runs shall not lose its registry before it is ended.
process.on('SIGINT', () => undefined)

const registry = await startTestRegistry()
process.once('disconnect', () => void registry.close())
const started: RegistryStarted = { host: registry.host, directory: registry.directory }
process.send?.(started)
