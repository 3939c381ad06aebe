import { build, type BuildOptions } from 'esbuild'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from '../source-tree.ts'

/** Most bytes of compressed script that a visitor may be made to load. */
export const MAX_SCRIPT = 150_000

/** How the page becomes the four files that are served: for browsers of the last three years. */
export function bundleOptions(folder: string): BuildOptions {
  const page = join(root, 'src/dashboard/page')
  return {
    entryPoints: [
      { in: join(page, 'main.tsx'), out: 'dashboard' },
      join(page, 'dashboard.css'),
      join(page, 'index.html'),
      join(page, 'dashboard.svg'),
    ],
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    loader: { '.html': 'copy', '.svg': 'copy' },
    tsconfig: join(page, 'tsconfig.json'),
    banner: { js: `/*! Contains Preact.\n${licenceOfPreact()}*/` },
    logLevel: 'warning',
  }
}

/** Its notice has to go wherever it goes. */
function licenceOfPreact(): string {
  return readFileSync(join(root, 'node_modules/preact/LICENSE'), 'utf8')
}

/** Writes the files of the page into `folder`. Throws where the script has grown too large. */
export async function bundleDashboard(folder: string): Promise<{ scriptSize: number }> {
  await build(bundleOptions(folder))
  const scriptSize = gzipSync(await readFile(join(folder, 'dashboard.js'))).length
  if (scriptSize > MAX_SCRIPT) {
    throw new Error(`dashboard.js has ${scriptSize} bytes compressed, more than ${MAX_SCRIPT}`)
  }
  return { scriptSize }
}
