import { createMetrics } from '../../src/metrics/metrics.ts'
import { type Page, table } from './page.ts'

const intro = `# Metrics

\`GET /metrics\`, where \`metric.enabled\` is set, answers in Prometheus' text format. The names of the Go service are kept, so its
dashboards go on working; \`api\` in the names of the HTTP metrics is \`server.name\` in lower case.

This page is made from \`src/metrics\`: \`npm run docs\`.`

/** `docs/metrics.md`: what \`/metrics\` shows once one conversion and one request have been counted. */
export const metricsPage: Page = {
  path: 'docs/metrics.md',
  async render() {
    const registries = new Map([['registry', true]])
    const metrics = createMetrics({
      name: 'API',
      tasks: () => ({ waiting: 0, running: 0 }),
      facts: {
        version: 'v0.0.0',
        freeBytes: () => Promise.resolve(1),
        damagedDatabases: async () => 0,
        registries: () => registries,
      },
    })
    metrics.conversionEnded({ seconds: 1, failed: true, skipped: false })
    metrics.conversionEnded({ seconds: 1, failed: false, skipped: false })
    metrics.phaseEnded({ phase: 'pull', seconds: 1 })
    metrics.bytesMoved({ read: 1, written: 1, pushed: 1 })
    metrics.taskEnded({ state: 'completed', reused: true })
    for (const again of [true, false]) metrics.attemptFailed({ code: 'CODE', again })
    metrics.configRead({ ok: true })
    metrics.searched({ queued: 1, errors: 1 })
    const request = { status: 200, method: 'GET', host: 'h', route: '/', seconds: 1 }
    metrics.requestAnswered({ ...request, requestSize: 1, responseSize: 1 })
    const { text } = await metrics.render()
    return `${intro}\n\n${table(['name', 'type', 'labels', 'what it says'], instruments(text))}\n`
  },
}

/** Rows of the table. Source of the format: prometheus.io/docs/instrumenting/exposition_formats. */
function instruments(text: string): string[][] {
  const help = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)]
  return help
    .filter(([, name = '']) => name.startsWith('acceleration_service'))
    .map(([, name = '', what = '', type = '']) => {
      const sample = new RegExp(`^${name}(?:_sum)?\\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? ''
      const labels = [...sample.matchAll(/(\w+)="/g)].map(([, label]) => `\`${label}\``)
      return [`\`${name}\``, type, labels.join(', '), what]
    })
}
