"""The things in a yard, the ground, the weather, the camera, and the painter of them all."""
