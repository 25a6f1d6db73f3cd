import { defineConfig } from 'vite'

/** No part of the page is inlined: its policy lets nothing run or show that is not a file of its own. */
export default defineConfig({
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    license: { fileName: 'licenses.md' },
    outDir: '../../dist/web',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023'
  }
})
