import { join } from 'node:path'
import { defineConfig } from 'vite'

const page = (name: string): string => join(import.meta.dirname, name)

/** No part of the page is inlined: its policy lets nothing run or show that is not a file of its own. */
export default defineConfig({
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // The admin page stands under whatever path a proxy gives it.
  base: './',
  build: {
    rolldownOptions: { input: [page('index.html'), page('admin.html')] },
    license: { fileName: 'licenses.md' },
    outDir: '../../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023'
  }
})
