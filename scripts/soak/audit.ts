import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ACCELERATION_SOURCE_DIGEST } from '../../src/oci/annotation.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { parseIndex, parseManifest, type Manifest } from '../../src/oci/manifest.ts'
import { isIndexType } from '../../src/oci/media-type.ts'
import type { RegistryRepository } from '../../src/registry/repository.ts'
import { TAG_SUFFIX } from './daemon.ts'
import type { SoakPlan } from './plan.ts'
import { ROBOT, type RegistryReport, type SoakRegistry } from './registry.ts'

/** What is wrong, in sentences; nothing is what is wanted. */
export type Findings = string[]

/** The manifest or index that a tag names, and what it says of its source. */
interface Tagged {
  descriptor: Descriptor
  source: string | undefined
  /** All image manifests below it. */
  manifests: Manifest[]
}

/** Looks at the registry: each tag has its result, each image one result, each result was uploaded once. */
export async function auditRegistry(
  plan: SoakPlan,
  registry: SoakRegistry,
  report: RegistryReport,
): Promise<Findings> {
  const findings: Findings = []
  if (report.undelivered > 0) findings.push(`${report.undelivered} webhooks were not delivered`)
  const tags = new Map(
    plan.pushes.map(({ image, tag }) => [`${image.repository}:${tag}`, { image, tag }]),
  )
  /** By repository and source, what was made of it. */
  const results = new Map<string, Set<string>>()
  for (const [name, { image, tag }] of tags) {
    const repository = registry.repository(image.repository)
    const source = await repository.resolve(tag)
    const target = await tagged(repository, `${tag}${TAG_SUFFIX}`)
    if (target === undefined) {
      findings.push(`${name} has no result`)
      continue
    }
    if (target.source !== source.digest) {
      findings.push(`the result of ${name} is of ${target.source}, the tag names ${source.digest}`)
    }
    const key = `${image.repository}@${source.digest}`
    results.set(key, (results.get(key) ?? new Set()).add(target.descriptor.digest))
    findings.push(...uploadedOnce(name, image.repository, target.manifests, report))
  }
  for (const [source, targets] of results) {
    if (targets.size > 1) findings.push(`${source} has ${targets.size} results`)
  }
  return [...new Set(findings)]
}

/**
 * Each image has a config and a top layer of its own, so that these are uploaded exactly once when the image is
 * converted exactly once. Layers below may be those of other images.
 */
function uploadedOnce(
  name: string,
  repository: string,
  manifests: readonly Manifest[],
  report: RegistryReport,
): Findings {
  const own = manifests.flatMap(({ config, layers }) => [config, layers.at(-1)!])
  return own.flatMap(({ digest }) => {
    const uploads = report.requests.filter(
      (request) =>
        request.kind === 'upload' &&
        request.user === ROBOT &&
        request.repository === repository &&
        request.digest === digest &&
        request.status === 201,
    )
    return uploads.length === 1
      ? []
      : [`${digest}, of the result of ${name}, was uploaded ${uploads.length} times`]
  })
}

async function tagged(repository: RegistryRepository, tag: string): Promise<Tagged | undefined> {
  const descriptor = await repository.find(tag)
  if (descriptor === undefined) return undefined
  const bytes = await repository.manifest(descriptor)
  if (!isIndexType(descriptor.mediaType)) {
    const manifest = parseManifest(bytes, tag)
    const source = manifest.annotations?.[ACCELERATION_SOURCE_DIGEST]
    return { descriptor, source, manifests: [manifest] }
  }
  const index = parseIndex(bytes, tag)
  const members = index.manifests.map(async (member) =>
    parseManifest(await repository.manifest(member), tag),
  )
  const source = index.annotations?.[ACCELERATION_SOURCE_DIGEST]
  return { descriptor, source, manifests: await Promise.all(members) }
}

/** Looks at the work directory of a daemon that has ended: nothing is left that nothing owns. */
export function auditWorkDirectory(workDir: string): Findings {
  const findings: Findings = []
  const list = (...names: string[]): string[] => {
    const folder = join(workDir, ...names)
    return existsSync(folder) ? readdirSync(folder) : []
  }
  for (const file of list('ingest')) findings.push(`ingest/${file} is left`)
  for (const file of list('blobs', 'sha256')) findings.push(`blobs/sha256/${file} is left`)
  const known = /^(accel\.db(-wal|-shm)?|acceld\.lock(-journal)?|blobs|ingest)$/
  for (const file of list()) if (!known.test(file)) findings.push(`${file} is nobody's`)
  const database = new DatabaseSync(join(workDir, 'accel.db'), { readOnly: true })
  for (const table of ['content', 'layer', 'lease']) {
    const n = Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'])
    if (n > 0) findings.push(`${n} rows are left in ${table}`)
  }
  const open = database.prepare('SELECT count(*) AS n FROM task WHERE finished IS NULL').get()
  if (Number(open?.['n']) > 0) findings.push(`${Number(open?.['n'])} tasks have not ended`)
  const [check] = database.prepare('PRAGMA integrity_check').all()
  if (check?.['integrity_check'] !== 'ok')
    findings.push(`the database is damaged: ${JSON.stringify(check)}`)
  database.close()
  return findings
}
