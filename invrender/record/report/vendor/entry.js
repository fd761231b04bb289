export { AmbientLight, Box3, DirectionalLight, PerspectiveCamera, Scene, Sphere, WebGLRenderer } from "three";
export { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
export { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
export { default as uPlot } from "uplot";
