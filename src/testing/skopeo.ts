import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

/** Options for a test that needs skopeo: it is skipped, with the reason, where there is none, and fails in CI. */
export function needsSkopeo(): { skip: string | false } {
  const missing = spawnSync('skopeo', ['--version']).error !== undefined
  assert(!missing || process.env.CI !== 'true', 'skopeo is not installed, and CI must have it')
  return { skip: missing && 'skopeo is not installed' }
}

/** Runs skopeo and returns what it printed; rejects with what it complained about. */
export async function skopeo(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('skopeo', ['--insecure-policy', ...args])
  return stdout
}
