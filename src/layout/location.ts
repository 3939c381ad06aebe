import { AccelError } from '../errors/accel-error.ts'
import { isDigest } from '../oci/digest.ts'
import type { ImageTarget, RangedSource } from '../transport/image-transport.ts'
import { directoryFiles, directoryTarget } from './directory.ts'
import { layoutSource } from './layout-source.ts'

/**
 * Where an image is on the local disk, as skopeo and podman write it: `oci:PATH[:TAG]`, a directory;
 * `oci-archive:PATH[:TAG]`, a tar of such a directory; `docker-archive:PATH[:REFERENCE]`, what `docker save` writes.
 * `@sha256:…` may stand for the tag. The path ends at the first colon.
 */
export interface LayoutLocation {
  kind: 'oci' | 'oci-archive' | 'docker-archive'
  path: string
  /** The tag or reference, or the digest. */
  tag: string | undefined
}

const form = /^(oci|oci-archive|docker-archive):(.*)$/s

/** What may stand behind the path; slashes and colons are in references. Source: OCI image-spec annotations.md, `ref.name`. */
const tagForm = /^[A-Za-z0-9]+(?:(?:[-._:@+/]|--)[A-Za-z0-9]+)*$/

/** Tells whether `text` names an image on the local disk. */
export function isLayoutLocation(text: string): boolean {
  return form.test(text)
}

/** Reads a location. Throws LAYOUT_LOCATION_INVALID. */
export function parseLayoutLocation(text: string): LayoutLocation {
  const invalid = (problem: string) => new AccelError('LAYOUT_LOCATION_INVALID', { text, problem })
  const [, kind, rest = ''] = form.exec(text) ?? []
  if (kind === undefined)
    throw invalid('it begins with none of oci:, oci-archive:, docker-archive:')
  const [, before, digest] = /^([^:]*)@(sha256:.*)$/s.exec(rest) ?? []
  if (digest !== undefined && !isDigest(digest)) throw invalid(`${digest} is not a digest`)
  const colon = rest.indexOf(':')
  const path = before ?? (colon === -1 ? rest : rest.slice(0, colon))
  const tag = digest ?? (colon === -1 ? undefined : rest.slice(colon + 1))
  if (path === '') throw invalid('the path is missing')
  if (path.includes('\0')) throw invalid('the path has a zero byte')
  if (tag !== undefined && !tagForm.test(tag)) throw invalid(`${JSON.stringify(tag)} is not a tag`)
  return { kind: kind as LayoutLocation['kind'], path, tag }
}

/** Opens the place that `text` names as a source. Files are opened with each read. Throws LAYOUT_LOCATION_INVALID. */
export async function openLayoutSource(
  text: string,
): Promise<{ source: RangedSource; tag: string | undefined }> {
  const { kind, path, tag } = parseLayoutLocation(text)
  const name = `${kind}:${path}`
  switch (kind) {
    case 'oci':
      return { source: layoutSource(directoryFiles(path, name)), tag }
    case 'oci-archive': {
      const { archiveFiles } = await import('./archive-files.ts')
      return { source: layoutSource(archiveFiles(path, name)), tag }
    }
    case 'docker-archive': {
      const { dockerArchiveSource } = await import('./docker-archive.ts')
      return { source: dockerArchiveSource(path, name), tag }
    }
  }
}

/** A target on the local disk. */
export interface LayoutTarget extends AsyncDisposable {
  target: ImageTarget
  tag: string | undefined
  /** Takes away what was written and not completed; after the last manifest there is nothing to do. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens the place that `text` names as a target; nothing is written yet. Throws LAYOUT_LOCATION_INVALID, LAYOUT_READ_ONLY. */
export async function openLayoutTarget(text: string): Promise<LayoutTarget> {
  const { kind, path, tag } = parseLayoutLocation(text)
  const name = `${kind}:${path}`
  if (tag !== undefined && isDigest(tag)) {
    throw new AccelError('LAYOUT_LOCATION_INVALID', { text, problem: 'a target needs a tag' })
  }
  switch (kind) {
    case 'oci':
      return { target: directoryTarget(path, name), tag, async [Symbol.asyncDispose]() {} }
    case 'oci-archive': {
      const { ArchiveTarget } = await import('./archive-target.ts')
      const target = new ArchiveTarget(path, name)
      return { target, tag, [Symbol.asyncDispose]: () => target.discard() }
    }
    case 'docker-archive':
      throw new AccelError('LAYOUT_READ_ONLY', { location: name })
  }
}
