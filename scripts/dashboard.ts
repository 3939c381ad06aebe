/**
 * `npm run dashboard`: bundles the page of `src/dashboard/` to where the daemon of a checkout looks for it. `npm ci` does
 * it, too; packing does it for users. `-- --watch` does it whenever a file changes.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from './source-tree.ts'

if (process.env['npm_lifecycle_event'] === 'prepare' && !isInstalled('esbuild')) {
  console.log('no dashboard is made: the development dependencies are left out')
  process.exit(0)
}
const { bundleDashboard, bundleOptions } = await import('./dashboard/bundle.ts')

const folder = join(root, 'src/dashboard/bundle')

if (process.argv.includes('--watch')) {
  const { context } = await import('esbuild')
  const watching = await context(bundleOptions(folder))
  await watching.watch()
} else {
  const { scriptSize } = await bundleDashboard(folder)
  console.log(`${folder}: ${scriptSize} bytes of script, compressed`)
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch {
    return false
  }
}
