import type { RepositoryProbe } from '../registry/repository-probe.ts'
import type { Finding } from '../verify/finding.ts'
import type { TargetImage } from './target-image.ts'

/** Registries list so many referrers, or more, at once; others need not be among the first. */
const FIRST_REFERRERS = 100

/**
 * What is wrong with how a registry serves an image, whatever the image is: lazy readers ask for parts of blobs, and
 * clients look for what belongs to a source by its `subject`. Throws REGISTRY_….
 */
export async function registryProblems(
  { manifest, descriptor }: TargetImage,
  probe: RepositoryProbe,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const largest = manifest.layers.toSorted((a, b) => b.size - a.size)[0]
  if (largest !== undefined && largest.size > 0) {
    const { partial, problem = '' } = await probe.range(largest, { signal })
    if (!partial) {
      const text = `asked for a part of it, the registry should answer 206: ${problem}`
      findings.push({ path: largest.digest, problem: text })
    }
  }
  const { subject } = manifest
  if (subject === undefined) return findings
  const { by, list } = await probe.referrers(subject.digest, { signal })
  const isListed = list.some(({ digest }) => digest === descriptor.digest)
  if (isListed || list.length >= FIRST_REFERRERS) return findings
  const where = by === 'api' ? 'the referrers API' : 'the tag sha256-… of its subject'
  findings.push({ path: 'manifest', problem: `it names a subject, and ${where} does not list it` })
  return findings
}
