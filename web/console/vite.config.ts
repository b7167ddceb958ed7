// Builds dist/: the page and its files, named by their contents. `npm run dev` serves it live beside a Baton on port 8000.
import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const link = (file: string) => fileURLToPath(new URL(`../link/src/${file}`, import.meta.url));

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  resolve: {
    alias: { '@baton/resume-link/react': link('react.ts'), '@baton/resume-link': link('index.ts') },
    dedupe: ['react', 'react-dom', '@apollo/client', 'graphql', 'graphql-ws', 'rxjs'],
  },
  build: { target: 'es2022', assetsDir: '.', modulePreload: false, license: { fileName: 'THIRD_PARTY_LICENSES.md' } },
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8000', ws: true, changeOrigin: true } } },
});
