import { defineConfig } from "vitest/config";

// Paths are relative, so that the pages work below any prefix, as behind the API server's proxy.
export default defineConfig({
  base: "./",
  build: { outDir: "dist", target: "es2022", modulePreload: false, assetsInlineLimit: 0 },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
