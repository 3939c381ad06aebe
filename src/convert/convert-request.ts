import type { RuleConfig } from '../config/rules.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { Digest } from '../oci/digest.ts'
import type { PushFacts } from '../rules/facts.ts'
import { judgeRules } from '../rules/judge.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'
import type { ConversionRequest, RunInit } from './converter.ts'
import {
  conversionRequest,
  derivedTarget,
  imageOpener,
  openSource,
  openTarget,
  type End,
} from './ends.ts'
import type { LayerCache } from './layer-cache.ts'
import type { ConversionReport } from './report.ts'
import type { Settings } from './settings.ts'

/** An image to convert, as a user or a registry names it. */
export interface ImageRequest {
  /** A reference, or `oci:PATH[:TAG]`, `oci-archive:PATH[:TAG]`, `docker-archive:PATH[:REFERENCE]`. */
  source: string
  /** The digest that is converted, where the caller knows it. */
  digest?: Digest
  /** Where the result goes, in the forms of `source` that can be written. @default the source's repository, its tag and the `tag_suffix` of the rule */
  target?: string
  /** The rule by which it is converted. @default the first that applies, or, with a `target`, `converter.driver` alone */
  rule?: string
  /** The account that pushed it, for rules that ask. */
  operator?: string
}

/**
 * Converts what `request` asks for by the settings: by the rule that it names, by the first that applies, or, with a target
 * and no rule, by `converter.driver` alone. Throws as the service does.
 */
export async function convertRequest(
  settings: Settings,
  request: ImageRequest,
  run: RunInit,
): Promise<ConversionReport> {
  const source = await openSource(request.source, settings.registry)
  if (request.rule !== undefined) {
    return convertByRule(settings, settings.rule(request.rule), source, request, run)
  }
  if (request.target !== undefined) {
    return convertTo(settings, undefined, source, request.target, request, run)
  }
  return convertByFirst(settings, source, request, run)
}

/** Converts by the first rule that applies; some can tell only when they have seen the manifest. */
async function convertByFirst(
  settings: Settings,
  source: End<ImageSource>,
  request: ImageRequest,
  run: RunInit,
): Promise<ConversionReport> {
  const verdicts = judgeRules(settings.rules, pushFacts(source, request))
  const possible = verdicts.filter(({ holds }) => holds !== 'no')
  for (const { rule, holds } of possible.slice(0, -1)) {
    if (holds === 'yes') return convertByRule(settings, rule, source, request, run)
    let applied = true
    const refused = (): void => void (applied = false)
    const report = await convertByRule(settings, rule, source, request, run, refused)
    if (applied) return report
  }
  const last = possible.at(-1)
  if (last !== undefined) return convertByRule(settings, last.rule, source, request, run)
  const why = verdicts.map(({ rule, because }) => `not ${rule.name}, ${because}`).join('; ')
  throw new AccelError('REFERENCE_NO_TARGET', {
    source: source.name,
    why: verdicts.length === 0 ? 'no rule has a tag_suffix' : `no rule applies: ${why}`,
  })
}

function convertByRule(
  settings: Settings,
  rule: RuleConfig,
  source: End<ImageSource>,
  request: ImageRequest,
  run: RunInit,
  refused?: () => void,
): Promise<ConversionReport> {
  const target = request.target ?? derivedTarget(source, rule.tagSuffix)
  const admit: ConversionRequest['admit'] = (image) => {
    const verdicts = judgeRules(settings.rules, pushFacts(source, request), image)
    const own = verdicts.find((verdict) => verdict.rule === rule)
    if (own === undefined || own.holds === 'yes') return undefined
    refused?.()
    return `the rule ${rule.name} does not apply: ${own.because}`
  }
  return convertTo(settings, rule, source, target, request, run, admit)
}

async function convertTo(
  settings: Settings,
  rule: RuleConfig | undefined,
  source: End<ImageSource>,
  wanted: string,
  request: ImageRequest,
  run: RunInit,
  admit?: ConversionRequest['admit'],
): Promise<ConversionReport> {
  const target = await openTarget(wanted, settings.registry)
  try {
    const pair = conversionRequest(source, target, request.digest)
    const cache = pair.sameRepository ? await cacheOf(settings, rule, target) : undefined
    const conversion = {
      ...pair,
      ...(cache === undefined ? {} : { cache }),
      openImage: imageOpener(settings.registry, target),
      ...(admit === undefined ? {} : { admit }),
    }
    return await settings.converter(rule).convert(conversion, run)
  } finally {
    await target.close()
  }
}

/** The remote cache of the rule, where the target is a repository that can be read. */
async function cacheOf(
  settings: Settings,
  rule: RuleConfig | undefined,
  { transport, asSource, reference }: End<ImageTarget>,
): Promise<LayerCache | undefined> {
  if (asSource === undefined || reference === undefined) return undefined
  const name = `${reference.host}/${reference.repository}`
  return settings.cache(rule, { source: asSource, target: transport, name })
}

function pushFacts(source: End<unknown>, { operator }: ImageRequest): PushFacts {
  const { host = '', repository = '', tag } = source.reference ?? {}
  return { host, repository, tag, operator }
}
