import { isDeepStrictEqual } from 'node:util'
import { withDiffIds, type ImageConfig } from '../oci/image-config.ts'
import type { Finding } from '../verify/finding.ts'

/** What of a config decides on which machines an image runs. */
const PLATFORM = ['os', 'architecture', 'variant', 'os.version', 'os.features'] as const

/**
 * Where the config of a converted image would make a container run otherwise than that of its source: the platform, and
 * what is run (`config`: command, environment, user, …). Layers and history are others.
 */
export function configProblems(source: ImageConfig, target: ImageConfig): Finding[] {
  const findings: Finding[] = []
  const compare = (key: string, want: unknown, got: unknown): void => {
    if (isDeepStrictEqual(want, got)) return
    findings.push({
      path: 'config',
      problem: `${key} is ${text(got)}, in the source ${text(want)}`,
    })
  }
  for (const key of PLATFORM) compare(key, source[key], target[key])
  // without the ids that a conversion blanks
  const [want, got] = [source, target].map((config) => members(withDiffIds(config, []))) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ]
  for (const key of new Set([...Object.keys(want), ...Object.keys(got)])) {
    compare(key, want[key], got[key])
  }
  return findings
}

function members({ config }: ImageConfig): Record<string, unknown> {
  return typeof config === 'object' && config !== null ? { ...config } : {}
}

function text(value: unknown): string {
  return value === undefined ? 'not there' : JSON.stringify(value)
}
