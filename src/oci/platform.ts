import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor, Platform } from './descriptor.ts'

/** A platform as `os/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`
}

/** Other names of the same architecture. Source: containerd/platforms database.go. */
const architectures: Record<string, [architecture: string, variant: string]> = {
  i386: ['386', ''],
  'x86-64': ['amd64', ''],
  x86_64: ['amd64', ''],
  aarch64: ['arm64', ''],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
}

/** The platform with one name for each thing: `arm64/v8` is `arm64`, `arm` is `arm/v7`, `amd64/v1` is `amd64`. */
function normalized(platform: Platform): { os: string; architecture: string; variant: string } {
  let architecture = platform.architecture.toLowerCase()
  let variant = (platform.variant ?? '').toLowerCase()
  const alias = architectures[architecture]
  if (alias) [architecture, variant] = [alias[0], variant || alias[1]]
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) variant = ''
  if (architecture === 'amd64' && variant === 'v1') variant = ''
  if (architecture === 'arm' && variant === '') variant = 'v7'
  return { os: platform.os.toLowerCase(), architecture, variant }
}

/** Which platforms are wanted; empty means all. */
export type PlatformFilter = readonly Platform[]

/**
 * Parses upstream's `converter.platforms`: `os/architecture[/variant]`, separated by commas; empty is every platform.
 * Throws IMAGE_PLATFORM_INVALID for a part that is not a platform.
 */
export function parsePlatforms(text: string): PlatformFilter {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const pieces = part.split('/')
      const [os, architecture, variant] = pieces
      if (
        pieces.length > 3 ||
        !os ||
        !architecture ||
        pieces.some((p) => !/^[A-Za-z0-9_.-]+$/.test(p))
      ) {
        throw new AccelError('IMAGE_PLATFORM_INVALID', { text: part })
      }
      return variant === undefined ? { os, architecture } : { os, architecture, variant }
    })
}

/** Tells whether `filter` lets `platform` pass. A filter without a variant lets every variant pass. */
export function platformWanted(filter: PlatformFilter, platform: Platform): boolean {
  if (filter.length === 0) return true
  const has = normalized(platform)
  return filter.some((wanted) => {
    const want = normalized(wanted)
    return (
      want.os === has.os &&
      want.architecture === has.architecture &&
      (!wanted.variant || want.variant === has.variant)
    )
  })
}

/** BuildKit's attestation manifests are index members of the platform `unknown/unknown`. */
export function isUnknownPlatform(descriptor: Descriptor): boolean {
  return descriptor.platform?.os === 'unknown' && descriptor.platform.architecture === 'unknown'
}
